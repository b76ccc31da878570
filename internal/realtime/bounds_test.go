package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

// Trap 6, inward: a handler that does not come along slows its client down.
func TestInboundIsBounded(t *testing.T) {
	free := make(chan struct{})
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{})
		realtime.On(n, realtime.Event{Name: "say"}, func(context.Context, *realtime.Conn, text) (text, error) {
			<-free
			return text{}, nil
		})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	const total = 500
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range total {
			c.Emit("/chat", "say", text{"x"})
		}
	}()
	eventually(t, "the queue is full", func() bool { return h.Stats().EventsIn >= 65 })
	if got := h.Stats().EventsIn; got > 66 {
		t.Fatalf("%d events were read while none was handled", got)
	}
	close(free)
	<-done
	eventually(t, "all are handled", func() bool { return h.Stats().EventsIn == total })
}

// Trap 6, outward: a client that does not read is cut, one that reads is not.
func TestSlowConsumerIsCut(t *testing.T) {
	var n *realtime.Namespace
	h := start(t, realtime.Options{}, func(s *realtime.Server) { n = s.Namespace("/chat", realtime.Hooks{}) })
	lazy := siotest.Dial(t, h.url)
	lazy.Connect("/chat", "customer:1")
	lazy.StopReading()
	quick := siotest.Dial(t, h.url)
	quick.Connect("/chat", "customer:2")
	eventually(t, "both are registered", func() bool { return len(n.Users()) == 2 })
	f, err := n.Encode("news", strings.Repeat("x", 16<<10))
	if err != nil {
		t.Fatal(err)
	}
	slow, fast := n.Conns(models.UserRef{Type: "customer", ID: "1"})[0], n.Conns(models.UserRef{Type: "customer", ID: "2"})[0]
	sent := 0
	for deadline := time.Now().Add(2 * soon); slow.Context().Err() == nil && time.Now().Before(deadline); sent++ {
		slow.Send(f)
		fast.Send(f)
		if err := fast.Drain(context.Background()); err != nil {
			t.Fatalf("the reader was cut: %v", err)
		}
	}
	if slow.Context().Err() == nil {
		t.Fatalf("not cut after %d frames", sent)
	}
	if got := h.Stats().SlowConsumers; got != 1 {
		t.Fatalf("%d slow consumers", got)
	}
	if err := quick.Wait(soon, func(r []siotest.Received) bool { return len(r) == sent+1 }); err != nil {
		t.Fatalf("the reader got %d of %d: %v", len(quick.Received())-1, sent, err)
	}
}

// Trap 7: no binary, no deep nesting, nothing malformed.
func TestMalformedPacketsClose(t *testing.T) {
	t.Parallel()
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	var keys []string
	for i := range 65 {
		keys = append(keys, fmt.Sprintf(`"k%d":1`, i))
	}
	for _, raw := range []string{
		`450-/chat,["echo"]`, `4511-/chat,["echo"]`, `451-/chat,["echo",{"_placeholder":true,"num":0}]`, `461-/chat,1[]`,
		`42/chat,["echo",` + deep + `]`, `42/chat,["echo",{` + strings.Join(keys, ",") + `}]`, strings.Repeat("[", 60000),
		`42/chat,["echo"`, `42/chat,["echo",{]`, `42/chat,["echo"]x`, `42/chat,[1]`, `42/chat,[""]`, `42/chat,[]`, `42/chat,{}`,
		`42/chat,["connect"]`, `42/chat,["disconnect"]`, `42/chat,["` + strings.Repeat("e", 200) + `"]`,
		`44/chat,{}`, `49`, `4`, `40/` + strings.Repeat("n", 600), `42/other,["echo"]x`, `9`, `2`, `0`, "4\xff\xfe", `1`,
		`42/chat,99999999999999999999["echo"]`, `40/chat,[1]`, `41/chat,{}`, `43/chat,[1]`,
	} {
		c := siotest.Dial(t, h.url)
		c.Connect("/chat", "customer:2")
		c.Raw(raw)
		select {
		case <-c.Done():
		case <-time.After(soon):
			t.Errorf("still open after %.60q", raw)
		}
	}
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	_ = c.Message(websocket.BinaryMessage, []byte{1, 2, 3})
	c.ExpectClosed(soon)

	fine := siotest.Dial(t, h.url)
	fine.Connect("/chat", "customer:2")
	fine.Emit("/chat", "echo", json.RawMessage(`{"text":"hi","deep":`+strings.Repeat("[", 15)+strings.Repeat("]", 15)+`}`))
	fine.Expect("/chat", "echoed", soon)
}

// T38: a message over 64 KB closes with 1009.
func TestOversizedMessage(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	c.Emit("/chat", "echo", text{strings.Repeat("x", 64<<10)})
	c.ExpectClosed(soon)
	if !websocket.IsCloseError(c.Err(), websocket.CloseMessageTooBig) {
		t.Fatalf("closed with %v", c.Err())
	}
}

type counted struct{ n *atomic.Int32 }

func (c counted) MarshalJSON() ([]byte, error) { c.n.Add(1); return []byte(`"x"`), nil }

// Trap 10: a frame is encoded once for all sockets, and compression is never negotiated.
func TestFrameIsEncodedOnce(t *testing.T) {
	var n *realtime.Namespace
	h := start(t, realtime.Options{}, func(s *realtime.Server) { n = s.Namespace("/chat", realtime.Hooks{}) })
	var clients []*siotest.Client
	for i := range 20 {
		c := siotest.Dial(t, h.url)
		c.Connect("/chat", fmt.Sprintf("customer:%d", i+1))
		clients = append(clients, c)
	}
	eventually(t, "all are registered", func() bool { return len(n.Users()) == 20 })
	var encoded atomic.Int32
	f, err := n.Encode("news", counted{&encoded})
	if err != nil {
		t.Fatal(err)
	}
	n.Each(func(c *realtime.Conn) { c.Send(f) })
	for _, c := range clients {
		if got := c.Expect("/chat", "news", soon); string(got) != `"x"` {
			t.Errorf("got %s", got)
		}
	}
	if encoded.Load() != 1 {
		t.Errorf("encoded %d times", encoded.Load())
	}
	if f.Size() != len(`42/chat,["news","x"]`) {
		t.Errorf("size %d", f.Size())
	}
	conn := n.Conns(models.UserRef{Type: "customer", ID: "1"})[0]
	if allocs := testing.AllocsPerRun(100, func() { conn.Send(f) }); allocs > 5 {
		t.Errorf("a send costs %v allocations", allocs)
	}
	dialer := websocket.Dialer{EnableCompression: true}
	ws, resp, err := dialer.Dial("ws"+strings.TrimPrefix(h.url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ws.Close() }()
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("extensions: %q", got)
	}
}
