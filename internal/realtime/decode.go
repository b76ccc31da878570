package realtime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"

	quick "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	v1 "github.com/go-json-experiment/json/v1"

	"chaffer/internal/apperr"
	"chaffer/internal/realtime/sio"
)

type jsonRaw = json.RawMessage

// decode reads an event's payload into its request. Every error is an apperr.Invalid with a
// sentence that names the event and, where there is one, the field.
func decode[Req any](e Event, p sio.Packet) (req Req, err error) {
	t := reflect.TypeFor[Req]()
	_, custom := any(&req).(json.Unmarshaler)
	object := t.Kind() == reflect.Struct && !custom
	if p.Args > 1 {
		return req, invalid("%s takes one payload and the acknowledgement after it, not %d payloads", e.Name, p.Args)
	}
	if p.Args == 0 || bytes.Equal(p.Arg, []byte("null")) {
		if e.OptionalPayload || (object && t.NumField() == 0) {
			return req, nil
		}
		return req, invalid("%s needs one object, such as %s", e.Name, example(t))
	}
	if object && p.Arg[0] != '{' {
		return req, invalid("%s needs one object, such as %s, not %s", e.Name, example(t), kindOf(p.Arg[0]))
	}
	if quick.Unmarshal(p.Arg, &req, asStandard) == nil {
		return req, nil
	}
	var again Req // the standard library says what is wrong in the words that explain knows
	if err := json.Unmarshal(p.Arg, &again); err != nil {
		return again, explain(e, t, p.Arg, err)
	}
	return again, nil
}

// asStandard makes the quick decoder, the coming encoding/json/v2, take what encoding/json takes.
// It needs a third of its time: BenchmarkDecode.
var asStandard = quick.JoinOptions(
	quick.MatchCaseInsensitiveNames(true), v1.MatchCaseSensitiveDelimiter(true),
	jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true),
)

// explain turns a decoding error into a sentence.
func explain(e Event, t reflect.Type, arg []byte, err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return invalid("%s: the payload is not valid JSON", e.Name)
	}
	var mismatch *json.UnmarshalTypeError
	if errors.As(err, &mismatch) {
		field := mismatch.Field
		if field == "" {
			field = "the payload"
		}
		return invalid("%s: %s must be %s", e.Name, field, typeName(mismatch.Type))
	}
	// A type that decodes itself does not know its field: look for the one that fails.
	if field := culprit(t, arg); field != "" {
		return invalid("%s: %s: %s", e.Name, field, err)
	}
	return invalid("%s: %s", e.Name, err)
}

// culprit is the name of the first field of t that cannot be decoded alone, or "".
func culprit(t reflect.Type, arg []byte) string {
	var fields map[string]json.RawMessage
	if t.Kind() != reflect.Struct || json.Unmarshal(arg, &fields) != nil {
		return ""
	}
	for _, f := range reflect.VisibleFields(t) {
		name, ok := jsonName(f)
		if !ok {
			continue
		}
		for key, raw := range fields {
			if strings.EqualFold(key, name) && json.Unmarshal(raw, reflect.New(f.Type).Interface()) != nil {
				return name
			}
		}
	}
	return ""
}

// example shows a payload of type t by its first fields.
func example(t reflect.Type) string {
	if t.Kind() != reflect.Struct {
		return "{…}"
	}
	var parts []string
	for _, f := range reflect.VisibleFields(t) {
		if name, ok := jsonName(f); ok && len(parts) < 2 {
			parts = append(parts, `"`+name+`": …`)
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func jsonName(f reflect.StructField) (string, bool) {
	if !f.IsExported() || f.Anonymous {
		return "", false
	}
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		name = f.Name
	}
	return name, name != "-"
}

func kindOf(first byte) string {
	switch first {
	case '[':
		return "a list"
	case '"':
		return "a text"
	case 't', 'f':
		return "true or false"
	case '{':
		return "an object"
	default:
		return "a number"
	}
}

func typeName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number of 0 or more"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Slice, reflect.Array:
		return "a list"
	default:
		return "an object"
	}
}

func invalid(format string, args ...any) error {
	return apperr.New(apperr.Invalid, fmt.Sprintf(format, args...))
}
