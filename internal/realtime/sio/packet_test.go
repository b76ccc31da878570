package sio

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		in              string
		kind            Kind
		nsp, event, arg string
		id              uint64
		hasID           bool
		args            int
		malformed       bool
	}{
		{in: `0`, kind: Connect, nsp: "/"},
		{in: `0/chat,`, kind: Connect, nsp: "/chat"},
		{in: `0/chat`, kind: Connect, nsp: "/chat"},
		{in: `0/chat,{"token":"x"}`, kind: Connect, nsp: "/chat", arg: `{"token":"x"}`},
		{in: `1/chat,`, kind: Disconnect, nsp: "/chat"},
		{in: `2["a"]`, kind: Event, nsp: "/", event: "a"},
		{in: `2/chat,12["a",{"b":[1,"]"]},2]`, kind: Event, nsp: "/chat", event: "a", arg: `{"b":[1,"]"]}`, id: 12, hasID: true, args: 2},
		{in: ` 2["a"]`, malformed: true},
		{in: `2/chat, [ "a" , "x\"y" ] `, kind: Event, nsp: "/chat", event: "a", arg: `"x\"y"`, args: 1},
		{in: `2["\u0061\n"]`, kind: Event, nsp: "/", event: "a\n"},
		{in: `2["a",` + nested(16) + `]`, kind: Event, nsp: "/", event: "a", arg: nested(16), args: 1},
		{in: `3/chat,7[]`, kind: Ack, nsp: "/chat", id: 7, hasID: true},
		{in: `2["a",` + nested(17) + `]`, malformed: true},
		{in: `2["a",[}]`, malformed: true},
		{in: `2["a",{"b":1]`, malformed: true},
		{in: `2["a",]`, malformed: true},
		{in: `2["a"`, malformed: true},
		{in: `2["a"]]`, malformed: true},
		{in: `2["a","x]`, malformed: true},
		{in: `2["a\q"]`, malformed: true},
		{in: "2[\"a\x01\"]", malformed: true},
		{in: `2[a]`, malformed: true},
		{in: `2`, malformed: true},
		{in: `2[]`, malformed: true},
		{in: `2["newListener"]`, malformed: true},
		{in: `2["\u0063onnect"]`, malformed: true},
		{in: `012`, malformed: true},
		{in: `1/chat,1`, malformed: true},
		{in: `3[]`, malformed: true},
		{in: `4{}`, malformed: true}, {in: `50-["a"]`, malformed: true}, {in: `61-1[]`, malformed: true}, {in: ``, malformed: true}, {in: `7`, malformed: true},
		{in: `29007199254740991999["a"]`, malformed: true},
		{in: "0/ch\nat,", malformed: true}, {in: "0/\xff,", malformed: true},
	} {
		p, err := Parse([]byte(c.in))
		if (err != nil) != c.malformed {
			t.Errorf("%q: %v", c.in, err)
		}
		if err != nil || c.malformed {
			continue
		}
		if p.Kind != c.kind || string(p.Nsp) != c.nsp || string(p.Event) != c.event || string(p.Arg) != c.arg || p.ID != c.id || p.HasID != c.hasID || p.Args != c.args {
			t.Errorf("%q: %+v", c.in, p)
		}
	}
}

// Whatever comes, parsing neither panics nor disagrees with encoding/json about what it let through.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`0/chat,{"token":"x"}`, `2/chat,12["a",{"b":[1,"]"]},2]`, `2["\u0061",null,-1.5e3,true]`, `3/x,1[{}]`, `1`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse(b)
		if err != nil || p.Kind != Event {
			return
		}
		start := strings.IndexByte(string(b), '[')
		if len(p.Nsp) > 1 {
			start = len(p.Nsp) + 2 + strings.IndexByte(string(b[len(p.Nsp)+2:]), '[')
		}
		var args []json.RawMessage
		if json.Unmarshal(b[start:], &args) != nil {
			return // malformed inside an argument: found when it is decoded
		}
		var name string
		if json.Unmarshal(args[0], &name) != nil || name != string(p.Event) || len(args) != p.Args+1 {
			t.Fatalf("%q: %+v, but encoding/json reads %q", b, p, args)
		}
		if p.Args > 0 && string(args[1]) != string(p.Arg) {
			t.Fatalf("%q: argument %q, but encoding/json reads %q", b, p.Arg, args[1])
		}
	})
}

func BenchmarkParse(b *testing.B) {
	in := []byte(`2/chat,12["sendMessage",{"chatId":"0190f0e1-7c3e-7d3c-9b1e-0123456789ab","clientMessageId":"k-12345678","text":"` + strings.Repeat("hello ", 20) + `"}]`)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
