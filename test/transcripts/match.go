package transcripts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Names are the values a conversation has stored, as compact JSON.
type Names map[string]string

var classes = map[string]*regexp.Regexp{
	"uuid":   regexp.MustCompile(`^"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"$`),
	"time":   regexp.MustCompile(`^"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"$`),
	"int":    regexp.MustCompile(`^-?\d+$`),
	"string": regexp.MustCompile(`^".*"$`),
	"any":    regexp.MustCompile(``),
}

// Match compares a body with what was expected and stores new names. The error says where they
// differ, as a path such as data.messages[0].text.
func (n Names) Match(want Value, body json.RawMessage) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var got any
	if err := d.Decode(&got); err != nil {
		return fmt.Errorf("the body is no JSON: %w", err)
	}
	return n.match(want, got, "body")
}

func (n Names) match(want Value, got any, at string) error {
	switch w := want.(type) {
	case Literal:
		if !reflect.DeepEqual(w.V, got) {
			return fmt.Errorf("%s is %s, want %s", at, text(got), text(w.V))
		}
	case Name:
		known, ok := n[string(w)]
		if !ok {
			n[string(w)] = text(got)
		} else if known != text(got) {
			return fmt.Errorf("%s is %s, want $%s, which is %s", at, text(got), w, known)
		}
	case Class:
		re, ok := classes[string(w)]
		if !ok {
			return fmt.Errorf("%s: <%s> matches nothing; known are uuid, time, int, string, any", at, w)
		}
		if !re.MatchString(text(got)) {
			return fmt.Errorf("%s is %s, want <%s>", at, text(got), w)
		}
	case Object:
		return n.matchObject(w, got, at)
	case Array:
		return n.matchArray(w, got, at)
	}
	return nil
}

func (n Names) matchObject(want Object, got any, at string) error {
	o, ok := got.(map[string]any)
	if !ok {
		return fmt.Errorf("%s is %s, want an object", at, text(got))
	}
	for i, key := range want.Keys {
		v, ok := o[key]
		if !ok {
			return fmt.Errorf("%s has no %s: %s", at, key, text(got))
		}
		if err := n.match(want.Values[i], v, at+"."+key); err != nil {
			return err
		}
	}
	if want.Open {
		return nil
	}
	for key := range o {
		if !slices.Contains(want.Keys, key) {
			return fmt.Errorf("%s has %s: %s, which the conversation does not name (… would allow it)", at, key, text(o[key]))
		}
	}
	return nil
}

func (n Names) matchArray(want Array, got any, at string) error {
	a, ok := got.([]any)
	if !ok {
		return fmt.Errorf("%s is %s, want an array", at, text(got))
	}
	if len(a) < len(want.Items) || len(a) > len(want.Items) && !want.Open {
		return fmt.Errorf("%s has %d items, want %d: %s", at, len(a), len(want.Items), text(got))
	}
	for i, item := range want.Items {
		if err := n.match(item, a[i], fmt.Sprintf("%s[%d]", at, i)); err != nil {
			return err
		}
	}
	return nil
}

// Fill gives the JSON of a value that is to be sent. mint makes the token of <token type id>.
func (n Names) Fill(v Value, mint func(words string) (string, error)) (json.RawMessage, error) {
	switch v := v.(type) {
	case Literal:
		return json.RawMessage(text(v.V)), nil
	case Name:
		known, ok := n[string(v)]
		if !ok {
			return nil, fmt.Errorf("$%s is sent before it was seen", v)
		}
		return json.RawMessage(known), nil
	case Class:
		words, ok := strings.CutPrefix(string(v), "token ")
		if !ok {
			return nil, fmt.Errorf("<%s> cannot be sent", v)
		}
		token, err := mint(words)
		return json.RawMessage(text(token)), err
	case Array:
		parts := make([]string, 0, len(v.Items))
		for _, item := range v.Items {
			part, err := n.Fill(item, mint)
			if err != nil {
				return nil, err
			}
			parts = append(parts, string(part))
		}
		return json.RawMessage("[" + strings.Join(parts, ",") + "]"), nil
	case Object:
		parts := make([]string, 0, len(v.Keys))
		for i, key := range v.Keys {
			part, err := n.Fill(v.Values[i], mint)
			if err != nil {
				return nil, err
			}
			if name, ok := strings.CutPrefix(key, "$"); ok { // {positions: {$chat: …}}
				key = strings.Trim(n[name], `"`)
			}
			parts = append(parts, text(key)+":"+string(part))
		}
		return json.RawMessage("{" + strings.Join(parts, ",") + "}"), nil
	}
	return nil, fmt.Errorf("%T cannot be sent", v)
}

// Expand replaces $name in the words of a line, such as a path.
func (n Names) Expand(words string) string {
	return regexp.MustCompile(`\$[a-zA-Z][a-zA-Z0-9]*`).ReplaceAllStringFunc(words, func(name string) string {
		if known, ok := n[name[1:]]; ok {
			return strings.Trim(known, `"`)
		}
		return name
	})
}

// text is the compact JSON of a decoded value, keys sorted, so that equal values are equal texts.
func text(v any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Sprintf("%v", v)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
