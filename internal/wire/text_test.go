package wire

import (
	"strings"
	"testing"
)

func TestCleanName(t *testing.T) {
	for in, want := range map[string]string{
		"John Doe":                   "John Doe",
		"  John\t\n Doe\x00 ":        "John Doe",
		"Tech\u202eneva\u202c Haven": "Techneva Haven",
		"Ha\u200bven":                "Haven",
		"علی\u200cرضا":               "علی\u200cرضا",
		"\u2066\x1b[31m":             "[31m",
		"Ｔｅｃｈ ﬁx™":                   "Tech fixTM",
		"e\u0301":                    "é",
		"Z" + strings.Repeat("\u0335", 500) + "o": "Z" + strings.Repeat("\u0335", 8) + "o",
		"Z" + strings.Repeat("\u0335\u200d", 9):   "Z" + strings.Repeat("\u0335\u200d", 8),
	} {
		if got := CleanName(in); got != want {
			t.Errorf("CleanName(%q) = %q, expected %q", in, got, want)
		} else if again := CleanName(got); again != got {
			t.Errorf("CleanName(%q) = %q, and again %q", in, got, again)
		}
	}
}

func TestValidURL(t *testing.T) {
	for s, want := range map[string]bool{
		"https://example.com/a.jpg?x=1": true, "https://пример.example/a": true,
		"http://example.com/a": false, "javascript:alert(1)": false, "data:text/html,x": false, "vbscript:x": false,
		"file:///etc/passwd": false, "//evil.example/x": false, "https://user:pw@x.example": false, "https://": false,
		"https://x.example/\ta": false, "java\tscript:x": false, " https://x.example": false, "https:\\\\x.example": false, "": false,
		"https://x.example/" + strings.Repeat("a", 2048): false,
	} {
		if got := ValidURL(s, false); got != want {
			t.Errorf("ValidURL(%.60q) is %v", s, got)
		}
	}
	if !ValidURL("http://127.0.0.1/a.png", true) || ValidURL("ftp://127.0.0.1/a.png", true) {
		t.Error("allowHTTP must add http and nothing else")
	}
}
