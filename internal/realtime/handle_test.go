package realtime_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/wire"
)

type sendRequest struct {
	RecipientID wire.ID  `json:"recipientId"`
	Text        string   `json:"text"`
	Limit       int      `json:"limit"`
	Images      []string `json:"images"`
	Deep        struct {
		Flag bool `json:"flag"`
	} `json:"deep"`
}

func requests(s *realtime.Server) *realtime.Namespace {
	n := s.Namespace("/chat", realtime.Hooks{})
	realtime.On(n, realtime.Event{Name: "send", Doc: "Sends."}, func(_ context.Context, _ *realtime.Conn, in sendRequest) (sendRequest, error) { return in, nil })
	realtime.On(n, realtime.Event{Name: "list", Answer: "listed", OptionalPayload: true}, func(_ context.Context, _ *realtime.Conn, in sendRequest) (sendRequest, error) {
		return in, nil
	})
	realtime.On(n, realtime.Event{Name: "none"}, func(context.Context, *realtime.Conn, struct{}) (string, error) { return "done", nil })
	realtime.On(n, realtime.Event{Name: "bare"}, func(_ context.Context, _ *realtime.Conn, in string) (string, error) { return in, nil })
	realtime.On(n, realtime.Event{Name: "missing"}, func(context.Context, *realtime.Conn, struct{}) (string, error) {
		return "", apperr.New(apperr.NotFound, "Chat was not found")
	})
	n.Emits("news", "Something happened.", text{})
	return n
}

func TestPayloads(t *testing.T) {
	h := start(t, realtime.Options{}, func(s *realtime.Server) { requests(s) })
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	const zero = `{"recipientId":"","text":"","limit":0,"images":null,"deep":{"flag":false}}`
	for _, row := range []struct{ packet, want string }{
		{`["send",{"recipientId":2,"unknown":1}]`, `{"recipientId":2,"text":"","limit":0,"images":null,"deep":{"flag":false}}`},
		{`["send",{"text":"<b> & \u2028"}]`, `{"recipientId":"","text":"<b> & \u2028","limit":0,"images":null,"deep":{"flag":false}}`},
		{`["send"]`, `send needs one object, such as {"recipientId": …, "text": …}`},
		{`["send",null]`, `send needs one object, such as {"recipientId": …, "text": …}`},
		{`["send",[]]`, `send needs one object, such as {"recipientId": …, "text": …}, not a list`},
		{`["send","x"]`, `send needs one object, such as {"recipientId": …, "text": …}, not a text`},
		{`["send",7]`, `send needs one object, such as {"recipientId": …, "text": …}, not a number`},
		{`["send",true]`, `send needs one object, such as {"recipientId": …, "text": …}, not true or false`},
		{`["send",{},{}]`, `send takes one payload and the acknowledgement after it, not 2 payloads`},
		{`["send",null,{}]`, `send takes one payload and the acknowledgement after it, not 2 payloads`},
		{`["send",{"text":7}]`, `send: text must be a text`},
		{`["send",{"limit":"7"}]`, `send: limit must be a whole number`},
		{`["send",{"limit":1.5}]`, `send: limit must be a whole number`},
		{`["send",{"limit":1e400}]`, `send: limit must be a whole number`},
		{`["send",{"images":"x"}]`, `send: images must be a list`},
		{`["send",{"images":[1]}]`, `send: images must be a text`},
		{`["send",{"deep":{"flag":1}}]`, `send: deep.flag must be true or false`},
		{`["send",{"recipientId":-1}]`, `send: recipientId: an id is a string of 1–64 printable characters, or a whole number up to 9007199254740991 written with digits alone: 2, not 2.0 or 2e0`},
		{`["send",{"recipientId":{}}]`, `send: recipientId: an id is a string of 1–64 printable characters, or a whole number up to 9007199254740991 written with digits alone: 2, not 2.0 or 2e0`},
		{`["send",{"text":}]`, `send: the payload is not valid JSON`},
		{`["list"]`, zero}, {`["list",null]`, zero}, {`["list",{}]`, zero},
		{`["none"]`, `"done"`}, {`["none",{"extra":1}]`, `"done"`},
		{`["bare","x"]`, `"x"`}, {`["bare",7]`, `bare: the payload must be a text`},
		{`["nope",{}]`, `Unknown event "nope"`}, {`["__proto__",{}]`, `Unknown event "__proto__"`},
	} {
		before := len(c.Received())
		c.Raw(`42/chat,7` + row.packet)
		b, err := c.TryAck("/chat", 7, soon)
		if err != nil {
			t.Fatalf("%s: %v", row.packet, err)
		}
		var f failure
		_ = json.Unmarshal(b, &f)
		if f.Error {
			b = []byte(f.Message)
			name := row.packet[2 : 2+len(f.Event)]
			if f.StatusCode != 400 || f.Event != name || f.Event == "" {
				t.Errorf("%s: %+v", row.packet, f)
			}
			if e := c.Received()[before]; e.Event != "appError" || decode[failure](t, e.Arg()) != f {
				t.Errorf("%s: %+v is not the acknowledgement's", row.packet, e)
			}
		}
		if string(b) != row.want {
			t.Errorf("%s:\n got %s\nwant %s", row.packet, b, row.want)
		}
	}
}

// The answer event comes before the acknowledgement, both with the same object; without either
// nothing is sent.
func TestAnswers(t *testing.T) {
	h := start(t, realtime.Options{}, func(s *realtime.Server) { requests(s) })
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	c.Emit("/chat", "none", nil)
	c.EmitAck("/chat", "list", nil, soon)
	got := c.Received()[1:]
	if len(got) != 2 || got[0].Event != "listed" || got[1].Kind != siotest.KindAck || !slices.Equal(got[0].Arg(), got[1].Arg()) {
		t.Errorf("received %+v", got)
	}
	if f := decode[failure](t, c.EmitAck("/chat", "missing", nil, soon)); f.StatusCode != 404 || f.Event != "missing" {
		t.Errorf("got %+v", f)
	}
	c.Expect("/chat", "appError", soon)
}

// A dialect names and fills its own failures.
func TestFailureHook(t *testing.T) {
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/", realtime.Hooks{Failure: func(err error, event string) (string, any) {
			return "error_message", map[string]string{"oops": apperr.Describe(err).Message, "in": event}
		}})
		n.Unknown(func(context.Context, *realtime.Conn, string) error { return nil })
		realtime.On(n, realtime.Event{Name: "bad"}, func(context.Context, *realtime.Conn, struct{}) (text, error) {
			return text{}, apperr.New(apperr.Conflict, "No")
		})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/", "customer:2")
	const want = `{"in":"bad","oops":"No"}`
	if got := c.EmitAck("/", "bad", nil, soon); string(got) != want {
		t.Errorf("acknowledged %s", got)
	}
	if got := c.Expect("/", "error_message", soon); string(got) != want {
		t.Errorf("emitted %s", got)
	}
	c.Emit("/", "unknown", nil)
	c.EmitAck("/", "bad", nil, soon)
	if got := c.Events("/"); len(got) != 2 {
		t.Errorf("events %q", got)
	}
}

// Unfinished answers do not hold up the events behind them, up to 64; ctx outlives the socket.
func TestAsync(t *testing.T) {
	type call struct {
		ctx  context.Context
		n    int
		done func(int, error)
	}
	calls := make(chan call, 200)
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{})
		realtime.OnAsync(n, realtime.Event{Name: "send"}, func(ctx context.Context, _ *realtime.Conn, i int, done func(int, error)) {
			calls <- call{ctx, i, done}
		})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	var ids []int
	for i := range 100 {
		ids = append(ids, c.EmitID("/chat", "send", i))
	}
	eventually(t, "64 are under way", func() bool { return len(calls) == 64 })
	held := make([]call, 0, 100)
	for range 64 {
		held = append(held, <-calls)
	}
	select {
	case <-calls:
		t.Fatal("a 65th was let in")
	case <-time.After(50 * time.Millisecond):
	}
	for i := len(held) - 1; i >= 0; i-- {
		held[i].done(held[i].n, nil)
		held[i].done(-1, nil) // only the first counts
	}
	for range 36 {
		held = append(held, <-calls)
	}
	for i := range 64 {
		if b, err := c.TryAck("/chat", ids[i], soon); err != nil || string(b) != string(rune('0'+i%10)) && i < 10 {
			t.Fatalf("acknowledgement %d: %s %v", i, b, err)
		}
	}
	c.Close()
	eventually(t, "the socket is gone", func() bool { return h.Stats().Connections == 0 })
	last := held[99]
	if deadline, ok := last.ctx.Deadline(); last.ctx.Err() != nil || !ok || time.Until(deadline) > 5*time.Second {
		t.Errorf("the context ended with the socket: %v", last.ctx.Err())
	}
	for _, left := range held[64:] {
		left.done(0, nil)
	}
}

func TestEventTable(t *testing.T) {
	s := realtime.NewServer(realtime.Options{Verifier: names{}})
	table := requests(s).Events()
	if err := s.Shutdown(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	if len(table) != 6 {
		t.Fatalf("%d rows", len(table))
	}
	if e := table[0]; e.Name != "send" || e.Doc != "Sends." || e.Request != reflect.TypeFor[sendRequest]() || e.Reply != e.Request || e.FromServer {
		t.Errorf("row %+v", e)
	}
	if e := table[5]; e.Name != "news" || !e.FromServer || e.Request != nil || e.Reply != reflect.TypeFor[text]() {
		t.Errorf("row %+v", e)
	}
}
