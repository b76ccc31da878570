package wire

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

func TestCursorTravels(t *testing.T) {
	c := Cursor{time.UnixMilli(1740652000123).UTC(), "019540f0-7b6a-7000-8000-000000000001"}
	got, err := ParseCursor(c.String())
	if err != nil || got != c {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := ParseCursor(""); err != nil || got != (Cursor{}) || got.String() != "" {
		t.Errorf("the empty cursor is %v, %v", got, err)
	}
}

func TestCursorsThatWereTamperedWith(t *testing.T) {
	enc := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	for _, s := range []string{
		"x", "'; DROP TABLE chats", enc("1740652000123"), enc("1.' OR 1=1"), enc("-1.019540f0-7b6a-7000-8000-000000000001"),
		enc("1e9.019540f0-7b6a-7000-8000-000000000001"), enc("9223372036854775807.019540f0-7b6a-7000-8000-000000000001"),
		enc("1.{019540f0-7b6a-7000-8000-000000000001}"), strings.Repeat("A", 10_000),
	} {
		if c, err := ParseCursor(s); err == nil {
			t.Errorf("%.40q is accepted as %v", s, c)
		}
	}
}
