package transcripts

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Value is a pattern: what is expected, or what is sent once its names are filled in.
type Value interface{ value() }

type (
	// Literal is a plain JSON scalar, as encoding/json decodes it with numbers as json.Number.
	Literal struct{ V any }
	// Name is $chat: stored at first sight, compared afterwards.
	Name string
	// Class is <uuid>, <time>, <int>, <string>, <any> or <token type id>.
	Class string
	// Object has its keys in the order written; Open allows others.
	Object struct {
		Keys   []string
		Values []Value
		Open   bool
	}
	// Array has its items; Open allows more after them.
	Array struct {
		Items []Value
		Open  bool
	}
)

func (Literal) value() {}
func (Name) value()    {}
func (Class) value()   {}
func (Object) value()  {}
func (Array) value()   {}

const more = "…"

var (
	nameText  = regexp.MustCompile(`^\$([a-zA-Z][a-zA-Z0-9]*)`)
	classText = regexp.MustCompile(`^<([a-z]+(?: [a-zA-Z0-9 -]+)?)>`)
	keyText   = regexp.MustCompile(`^(?:"((?:[^"\\]|\\.)*)"|([A-Za-z_$][A-Za-z0-9_-]*))\s*:`)
)

type reader struct{ rest string }

// ParseValue reads one value and nothing behind it.
func ParseValue(s string) (Value, error) {
	r := &reader{s}
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	if r.skip(); r.rest != "" {
		return nil, fmt.Errorf("%q follows a complete value", r.rest)
	}
	return v, nil
}

func (r *reader) skip() { r.rest = strings.TrimLeftFunc(r.rest, unicode.IsSpace) }

// take consumes the prefix and reports whether it was there.
func (r *reader) take(prefix string) bool {
	r.skip()
	rest, ok := strings.CutPrefix(r.rest, prefix)
	r.rest = rest
	return ok
}

func (r *reader) match(re *regexp.Regexp) []string {
	r.skip()
	m := re.FindStringSubmatch(r.rest)
	if m != nil {
		r.rest = r.rest[len(m[0]):]
	}
	return m
}

func (r *reader) value() (Value, error) {
	switch {
	case r.take("{"):
		return r.object()
	case r.take("["):
		return r.array()
	}
	if m := r.match(nameText); m != nil {
		return Name(m[1]), nil
	}
	if m := r.match(classText); m != nil {
		return Class(m[1]), nil
	}
	d := json.NewDecoder(strings.NewReader(r.rest))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("no value at %q: %w", head(r.rest), err)
	}
	r.rest = r.rest[d.InputOffset():]
	return Literal{v}, nil
}

func (r *reader) object() (Value, error) {
	var o Object
	for !r.take("}") {
		if r.take(more) {
			o.Open = true
		} else {
			m := r.match(keyText)
			if m == nil {
				return nil, fmt.Errorf("no key at %q", head(r.rest))
			}
			v, err := r.value()
			if err != nil {
				return nil, err
			}
			o.Keys, o.Values = append(o.Keys, m[1]+m[2]), append(o.Values, v)
		}
		if !r.take(",") && !strings.HasPrefix(r.rest, "}") {
			return nil, fmt.Errorf("no comma or } at %q", head(r.rest))
		}
	}
	return o, nil
}

func (r *reader) array() (Value, error) {
	var a Array
	for !r.take("]") {
		if r.take(more) {
			a.Open = true
		} else {
			v, err := r.value()
			if err != nil {
				return nil, err
			}
			a.Items = append(a.Items, v)
		}
		if !r.take(",") && !strings.HasPrefix(r.rest, "]") {
			return nil, fmt.Errorf("no comma or ] at %q", head(r.rest))
		}
	}
	return a, nil
}

func head(s string) string {
	if utf8.RuneCountInString(s) > 30 {
		return string([]rune(s)[:30]) + more
	}
	return s
}
