package transcripts

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const id = `"0199aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"`
	for _, c := range []struct{ want, got, complaint string }{
		{`{a: 1}`, `{"a":1}`, ""},
		{`{a: 1}`, `{"a":2}`, "body.a is 2, want 1"},
		{`{a: 1}`, `{"a":"1"}`, `body.a is "1", want 1`},
		{`{a: 1}`, `{"a":1,"b":2}`, "body has b: 2"},
		{`{a: 1, …}`, `{"a":1,"b":2}`, ""},
		{`{a: 1, b: 2}`, `{"a":1}`, "body has no b"},
		{`[1, …]`, `[1,2,3]`, ""},
		{`[1]`, `[1,2]`, "has 2 items, want 1"},
		{`[]`, `{}`, "want an array"},
		{`{id: <uuid>, at: <time>, n: <int>}`, `{"id":` + id + `,"at":"2025-02-27T10:43:41.905Z","n":7}`, ""},
		{`{at: <time>}`, `{"at":"2025-02-27T10:43:41Z"}`, "want <time>"},
		{`{n: <int>}`, `{"n":1.5}`, "want <int>"},
		{`{n: <nothing>}`, `{"n":1}`, "matches nothing"},
		{`{a: $x, b: $x}`, `{"a":{"k":1},"b":{"k":1}}`, ""},
		{`{a: $x, b: $x}`, `{"a":1,"b":2}`, "body.b is 2, want $x, which is 1"},
		{`{"a": null, b: "}"}`, `{"a":null,"b":"}"}`, ""},
	} {
		v, err := ParseValue(c.want)
		if err != nil {
			t.Errorf("%s: %v", c.want, err)
			continue
		}
		err = Names{}.Match(v, json.RawMessage(c.got))
		if c.complaint == "" && err != nil {
			t.Errorf("%s against %s: %v", c.want, c.got, err)
		}
		if c.complaint != "" && (err == nil || !strings.Contains(err.Error(), c.complaint)) {
			t.Errorf("%s against %s: %v, want %q", c.want, c.got, err, c.complaint)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, wrong := range []string{`{`, `{a}`, `{a: }`, `{a: 1 b: 2}`, `{a: 1} 2`, `[1 2]`, `hello`} {
		if v, err := ParseValue(wrong); err == nil {
			t.Errorf("%s was read as %#v", wrong, v)
		}
	}
	for _, wrong := range []string{"hello", "a> chat", "A sends"} {
		if s, err := parseLine(wrong); err == nil {
			t.Errorf("%q was read as %#v", wrong, s)
		}
	}
}

func TestFill(t *testing.T) {
	v, err := ParseValue(`{chatId: $chat, positions: {$chat: {seq: 2}}, list: ["a", true], token: <token customer 2>}`)
	if err != nil {
		t.Fatal(err)
	}
	mint := func(words string) (string, error) { return "minted for " + words, nil }
	got, err := Names{"chat": `"c-1"`}.Fill(v, mint)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"chatId":"c-1","positions":{"c-1":{"seq":2}},"list":["a",true],"token":"minted for customer 2"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if _, err := (Names{}).Fill(v, mint); err == nil {
		t.Error("a name was sent that nobody has seen")
	}
}

func TestLines(t *testing.T) {
	steps := join("# c\nA> sendMessage {a: 1,\n  b: 2}\n\nB< x [1]\n")
	if len(steps) != 2 || steps[0].text != "A> sendMessage {a: 1, b: 2}" || steps[1].number != 5 {
		t.Errorf("%+v", steps)
	}
	s, err := parseLine(`A> POST /api/v1/chats/messages [Idempotency-Key: k1] {text: "Hi"}`)
	if err != nil || s.Words != "POST /api/v1/chats/messages [Idempotency-Key: k1]" || s.Value == nil {
		t.Errorf("%+v %v", s, err)
	}
}
