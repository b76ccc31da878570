package wire

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever is sent as a text becomes one that both databases keep as it is, and stays that one.
func FuzzText(f *testing.F) {
	for _, s := range []string{"hello", "", "\x00", "a\r\nb", "\u202e", strings.Repeat("😀", 4001), "\xff\xfe", "\u200b", "z" + strings.Repeat("\u0335", 20), "ﬁ\u0301\u200d\u0301"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		clean := CleanText(s)
		if !utf8.ValidString(clean) || len(clean) > 3*len(s) { // one broken byte becomes the three of U+FFFD
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
		if again := CleanText(clean); again != clean || IsBlank(clean) != IsBlank(again) {
			t.Errorf("cleaning twice: %q, %q", clean, again)
		}
		if name := CleanName(s); strings.ContainsAny(name, "\n\r\t\x00\u202e") {
			t.Errorf("a name keeps %q", name)
		} else if again := CleanName(name); again != name {
			t.Errorf("the name of %q is %q, cleaned again %q", s, name, again)
		}
	})
}

// Whatever is sent as an id or a price is decoded or refused, and what is decoded can be sent and is
// the same when it comes back.
func FuzzPayload(f *testing.F) {
	type payload struct {
		RecipientID  ID    `json:"recipientId"`
		ProductPrice Price `json:"productPrice"`
	}
	for _, s := range []string{`{}`, `{"recipientId":"2","productPrice":"1.50"}`, `{"recipientId":1e400}`, `{"productPrice":{}}`, `{"recipientId":"a\u0000b"}`, `{"productPrice":-0}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var in, back payload
		if json.Unmarshal(b, &in) != nil {
			return
		}
		if in.RecipientID != "" && !ValidID(string(in.RecipientID)) {
			t.Errorf("recipient %q from %s", in.RecipientID, b)
		}
		out, err := json.Marshal(in)
		if err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if err := json.Unmarshal(out, &back); err != nil || back != in {
			t.Errorf("%s becomes %s, and that %+v: %v", b, out, back, err)
		}
		if id := in.RecipientID.AppendJSON(nil); !strings.Contains(string(out), `"recipientId":`+string(id)) && in.RecipientID != "" {
			t.Errorf("%s: appended as %s, encoded as %s", b, id, out)
		}
	})
}
