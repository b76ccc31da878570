package config

import (
	"fmt"
	"net/url"
	"reflect"
	"strings"
)

// field is what the tags of one setting say.
type field struct {
	name, key, def, want, example string
	secret                        string // "": shown; "url": its password is masked; "all": only its size is shown
}

func fields() []field {
	t := reflect.TypeFor[Config]()
	out := make([]field, 0, t.NumField())
	for i := range t.NumField() {
		f := t.Field(i)
		out = append(out, field{
			name: f.Name, key: f.Tag.Get("env"), def: f.Tag.Get("envDefault"),
			want: f.Tag.Get("want"), example: f.Tag.Get("example"), secret: f.Tag.Get("secret"),
		})
	}
	return out
}

func fieldNamed(name string) field {
	for _, f := range fields() {
		if f.name == name {
			return f
		}
	}
	panic("config: no field " + name)
}

// mistake is the sentence about a value that this setting cannot take; a secret is not repeated.
func (f field) mistake(got string) string {
	what := fmt.Sprintf("is %q", got)
	if f.secret != "" {
		what = fmt.Sprintf("has a value of %d bytes that is not accepted", len(got))
	}
	s := fmt.Sprintf("%s %s: expected %s", f.key, what, f.want)
	if f.example != "" {
		s += fmt.Sprintf(", for example %s=%s", f.key, f.example)
	}
	return s + "."
}

// Setting is one line of the listing that people may see.
type Setting struct{ Key, Value string }

// Settings lists the effective settings in the order of the struct, with secrets masked.
func (c Config) Settings() []Setting {
	v := reflect.ValueOf(c)
	out := make([]Setting, 0, v.NumField())
	for i, f := range fields() {
		out = append(out, Setting{f.key, display(f.secret, v.Field(i))})
	}
	return out
}

// String is the masked listing, so that a Config that reaches a log leaks nothing.
func (c Config) String() string {
	var b strings.Builder
	for _, s := range c.Settings() {
		fmt.Fprintf(&b, "%s=%s\n", s.Key, s.Value)
	}
	return b.String()
}

// GoString is String, for %#v.
func (c Config) GoString() string { return c.String() }

func display(secret string, v reflect.Value) string {
	if v.IsZero() && (v.Kind() == reflect.String || v.Kind() == reflect.Slice || v.Kind() == reflect.Map) {
		return ""
	}
	switch {
	case secret == "all" && v.Kind() == reflect.Slice:
		return fmt.Sprintf("(set, %d of them)", v.Len())
	case secret == "all" && v.String() == DevelopmentSecret:
		return "(the development secret, for this machine only)"
	case secret == "all":
		return fmt.Sprintf("(set, %d bytes)", v.Len())
	case secret == "url":
		return maskURL(v.String())
	}
	switch v.Kind() {
	case reflect.Slice:
		parts := make([]string, v.Len())
		for i := range parts {
			parts[i] = fmt.Sprint(v.Index(i).Interface())
		}
		return strings.Join(parts, ",")
	case reflect.Map:
		var parts []string
		for _, k := range sortedKeys(v) {
			parts = append(parts, k+":"+v.MapIndex(reflect.ValueOf(k)).String())
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(v.Interface())
}

// maskURL hides the password, wherever a URL may carry one.
func maskURL(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return "(set, not a URL)"
	}
	q := u.Query()
	for k := range q {
		if strings.Contains(strings.ToLower(k), "password") {
			q.Set(k, "xxxxx")
			u.RawQuery = q.Encode()
		}
	}
	return u.Redacted()
}
