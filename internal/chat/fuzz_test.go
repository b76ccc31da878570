package chat

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"chaffer/internal/wire"
)

// Whatever is sent as a text is refused, or becomes one that both databases keep as it is.
func FuzzText(f *testing.F) {
	for _, s := range []string{"hello", "", "\x00", "a\r\nb", "\u202e", strings.Repeat("😀", 4001), "\xff\xfe", "\u200b", "z" + strings.Repeat("\u0335", 20), "ﬁ\u0301\u200d\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean, err := cleanText(s, false)
		if err != nil {
			return
		}
		if !utf8.ValidString(clean) || clean == "" || utf8.RuneCountInString(clean) > MaxTextRunes || len(clean) > MaxTextBytes {
			t.Errorf("%q becomes %q", s, clean)
		}
		for _, r := range clean {
			if unicode.IsControl(r) && r != '\n' && r != '\t' || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 {
				t.Errorf("%q keeps %U", s, r)
			}
		}
		if strings.Contains(clean, strings.Repeat("\u0335", 9)) {
			t.Errorf("%q keeps a tower", s)
		}
		if again, err := cleanText(clean, false); err != nil || again != clean {
			t.Errorf("cleaning twice: %q, %q, %v", clean, again, err)
		}
		if name := wire.CleanName(s); strings.ContainsAny(name, "\n\r\t\x00\u202e") {
			t.Errorf("a name keeps %q", name)
		} else if again := wire.CleanName(name); again != name {
			t.Errorf("the name of %q is %q, cleaned again %q", s, name, again)
		}
	})
}

// Whatever is sent as a payload is decoded or refused, and what is decoded can be sent.
func FuzzSendRequest(f *testing.F) {
	for _, s := range []string{`{}`, `{"chatId":"x"}`, `{"productId":1,"recipientId":"2","productPrice":"1.50"}`, `{"recipientId":1e400}`, `{"productPrice":{}}`, `{"messageImages":[null]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var r SendRequest
		if json.Unmarshal(b, &r) != nil {
			return
		}
		in := r.input("")
		if in.RecipientID != "" && !wire.ValidID(in.RecipientID) {
			t.Errorf("recipient %q from %s", in.RecipientID, b)
		}
		if _, err := json.Marshal(r); err != nil {
			t.Errorf("%s: %v", b, err)
		}
	})
}
