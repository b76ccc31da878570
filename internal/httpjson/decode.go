package httpjson

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"unicode/utf8"

	"chaffer/internal/apperr"
)

// Bounds of a request body.
const (
	MaxBody  = 64 << 10 // bytes
	maxDepth = 16       // nested objects and arrays
	maxKeys  = 64       // of one object
)

// Decode reads one JSON value of at most MaxBody bytes into v. A field that v does not have, a
// second value or a broken one is apperr.Invalid; too many bytes are apperr.TooLarge; another
// content type is apperr.Unsupported.
func Decode(w http.ResponseWriter, r *http.Request, v any) error {
	if ct := r.Header.Get("Content-Type"); ct != "" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/json" && !strings.HasSuffix(media, "+json") {
			return apperr.New(apperr.Unsupported, "The body must be JSON: send Content-Type: application/json")
		}
	}
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return apperr.New(apperr.TooLarge, fmt.Sprintf("The body is larger than %d bytes", MaxBody))
	}
	if err != nil {
		return apperr.Wrap(apperr.Invalid, "The body could not be read", err)
	}
	if err := checkShape(b); err != nil {
		return err
	}
	dec := json.NewDecoder(strings.NewReader(string(b)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return apperr.Wrap(apperr.Invalid, describe(err), err)
	}
	if dec.More() {
		return apperr.New(apperr.Invalid, "The body holds more than one JSON value")
	}
	return nil
}

// describe turns what the JSON package says into a sentence that repeats none of the values.
func describe(err error) string {
	var wrongType *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrongType):
		return fmt.Sprintf("The field %s cannot be a %s", wrongType.Field, strings.Fields(wrongType.Value)[0])
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		return "The body has an unknown field: " + strings.TrimPrefix(err.Error(), "json: unknown field ")
	default:
		return "The body is not valid JSON"
	}
}

// checkShape walks the bytes once and refuses what is too deep, has too many keys or is not
// UTF-8, before anything is built from it.
func checkShape(b []byte) error {
	if !utf8.Valid(b) {
		return apperr.New(apperr.Invalid, "The body is not UTF-8")
	}
	var (
		keys   [maxDepth + 1]int
		depth  int
		inText bool
	)
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{' || c == '[':
			if depth++; depth > maxDepth {
				return apperr.New(apperr.Invalid, fmt.Sprintf("The body is nested deeper than %d levels", maxDepth))
			}
			keys[depth] = 0
		case (c == '}' || c == ']') && depth > 0:
			depth--
		case c == ':':
			if keys[depth]++; keys[depth] > maxKeys {
				return apperr.New(apperr.Invalid, fmt.Sprintf("An object of the body has more than %d keys", maxKeys))
			}
		}
	}
	return nil
}
