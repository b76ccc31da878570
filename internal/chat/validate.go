package chat

import (
	"crypto/sha256"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/wire"
)

// Bounds of one message.
const (
	MaxTextRunes = 4000
	MaxTextBytes = 16 << 10
	MaxImages    = 10
	maxKey       = 64 // characters of a clientMessageId
)

// notFound is the one answer for "not there" and "not yours".
func notFound() error { return apperr.New(apperr.NotFound, "Chat was not found") }

func invalid(format string, args ...any) error {
	return apperr.New(apperr.Invalid, fmt.Sprintf(format, args...))
}

// cleanText makes text storable, by wire.CleanText. It refuses what is empty or too long.
func cleanText(text string, withImages bool) (string, error) {
	if len(text) > 4*MaxTextBytes {
		return "", invalid("text is too long: at most %d characters and %d bytes", MaxTextRunes, MaxTextBytes)
	}
	text = wire.CleanText(text)
	if n := utf8.RuneCountInString(text); n > MaxTextRunes || len(text) > MaxTextBytes {
		return "", invalid("text is too long: at most %d characters and %d bytes, this one has %d and %d", MaxTextRunes, MaxTextBytes, n, len(text))
	}
	if wire.IsBlank(text) {
		if withImages {
			return "", nil
		}
		return "", invalid("text is empty: write something, or attach an image")
	}
	return text, nil
}

// cleanName is one line of display text.
func cleanName(field, s string) (string, error) {
	s = wire.CleanName(s)
	if utf8.RuneCountInString(s) > wire.MaxNameLength {
		return "", invalid("%s is too long: at most %d characters", field, wire.MaxNameLength)
	}
	return s, nil
}

// cleanURL is "" or an absolute address without credentials. It is never fetched.
func cleanURL(allowHTTP bool) func(field, s string) (string, error) {
	return func(field, s string) (string, error) {
		if s != "" && !wire.ValidURL(s, allowHTTP) {
			return "", invalid("%s must be an absolute https address of at most %d bytes, such as https://example.com/picture.jpg", field, wire.MaxURLLength)
		}
		return s, nil
	}
}

// cleanKey checks a clientMessageId; "" stays "".
func cleanKey(key string) (string, error) {
	valid := len(key) <= maxKey
	for i := 0; i < len(key) && valid; i++ { // by hand: a regular expression was a sixtieth of the node's time for a message
		c := key[i]
		valid = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-'
	}
	if !valid {
		return "", invalid("clientMessageId must be 1–%d characters of A–Z, a–z, 0–9, _ and -", maxKey)
	}
	return key, nil
}

// parseID returns the canonical spelling of a chat or message id, or false when it cannot be one.
func parseID(id string) (string, bool) {
	if len(id) != 36 { // the other spellings a UUID library accepts are not ours
		return "", false
	}
	u, err := uuid.Parse(id)
	if err != nil {
		return "", false
	}
	return u.String(), true
}

// contentHash identifies what was sent under a key, so that a repeat can be told from a reuse.
func contentHash(text string, images []string) []byte {
	h := sha256.New()
	h.Write([]byte(text))
	for _, id := range images {
		h.Write([]byte{0})
		h.Write([]byte(id))
	}
	return h.Sum(nil)[:16]
}
