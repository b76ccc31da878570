package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSafeInteger is the largest integer a JavaScript number holds exactly (ECMA-262, Number.MAX_SAFE_INTEGER).
const maxSafeInteger = 1<<53 - 1

// MaxIDLength is how many characters a user or product id may have.
const MaxIDLength = 64

// ID is a user's id. It comes in as a JSON number or string and goes out as a number when it
// is a canonical integer up to 2^53−1, else as a string.
type ID string

var errID = errors.New("an id is a string of 1–64 printable characters, or a whole number up to 9007199254740991 written with digits alone: 2, not 2.0 or 2e0")

// MarshalJSON writes 2 for "2" and "u-2" for "u-2".
func (id ID) MarshalJSON() ([]byte, error) {
	if isCanonicalInteger(string(id)) {
		return []byte(id), nil
	}
	return json.Marshal(string(id))
}

// AppendJSON appends what MarshalJSON returns.
func (id ID) AppendJSON(b []byte) []byte {
	if isCanonicalInteger(string(id)) {
		return append(b, id...)
	}
	quoted, err := json.Marshal(string(id))
	if err != nil {
		return append(b, "null"...) // a string always encodes
	}
	return append(b, quoted...)
}

// UnmarshalJSON accepts 2 and "2" as the same id. Null and "" leave it empty.
func (id *ID) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.Equal(b, []byte("null")) {
		*id = ""
		return nil
	}
	if b[0] == '"' {
		s, ok := plainText(b)
		if !ok {
			if err := json.Unmarshal(b, &s); err != nil {
				return err
			}
		}
		if s != "" && !ValidID(s) {
			return errID
		}
		*id = ID(s)
		return nil
	}
	if !isCanonicalInteger(string(b)) { // 1e2 and 2.0 are numbers that another system may print otherwise
		return errID
	}
	*id = ID(b)
	return nil
}

// plainText reads a JSON string that has nothing to decode; ok is false when it may have.
func plainText(b []byte) (s string, ok bool) {
	if len(b) < 2 || b[len(b)-1] != '"' {
		return "", false
	}
	b = b[1 : len(b)-1]
	for _, c := range b {
		if c < 0x20 || c >= 0x7F || c == '"' || c == '\\' {
			return "", false
		}
	}
	return string(b), true
}

// ValidID reports whether s can be an id: 1–64 printable characters, no surrounding space.
func ValidID(s string) bool {
	if s == "" || !utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxIDLength {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || r == ' ' || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// isOddNumber reports whether another system may read s as a number that it would not print that way: a sign and
// anything, 0, or digits with a point in them. By hand, because every message asks it.
func isOddNumber(s string) bool {
	if s == "0" || strings.HasPrefix(s, "+") || strings.HasPrefix(s, "-") {
		return true
	}
	whole, fraction, pointed := strings.Cut(s, ".")
	return pointed && isDigits(whole) && isDigits(fraction)
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// NotAUserID ends the sentence that refuses an id which ValidUserID does not take.
const NotAUserID = "must be a whole number above 0, or 1–64 printable characters without spaces that are no number: 0, a sign and a fraction are nobody's id"

// ValidUserID reports whether s can be somebody's id: ValidID, and nothing that a token is refused
// for, because no one could ever answer to it.
func ValidUserID(s string) bool { return ValidID(s) && !isOddNumber(s) }

func isCanonicalInteger(s string) bool {
	if s == "" || len(s) > 16 || (s[0] == '0' && len(s) > 1) {
		return false
	}
	if !isDigits(s) {
		return false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return err == nil && n <= maxSafeInteger
}
