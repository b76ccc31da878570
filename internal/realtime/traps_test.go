package realtime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

// Trap 1: what is said before a disconnect arrives, and the transport is closed after it.
func TestRefusalArrives(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{
		Connect: func(context.Context, *realtime.Conn) error {
			return apperr.New(apperr.Forbidden, "Connect to the presence namespace first")
		},
	}))
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			c := siotest.Dial(t, h.url)
			c.Connect("/chat", "customer:2")
			f := decode[failure](t, c.Expect("/chat", "appError", soon))
			if f.StatusCode != 403 || !f.Error || f.Message != "Connect to the presence namespace first" {
				t.Errorf("got %+v", f)
			}
			c.ExpectDisconnect("/chat", soon)
			c.ExpectClosed(soon)
			if got := c.Events("/chat"); !slices.Equal(got, []string{"appError"}) {
				t.Errorf("events: %q", got)
			}
			var closed *websocket.CloseError
			if !errors.As(c.Err(), &closed) || closed.Code != websocket.CloseNormalClosure {
				t.Errorf("closed with %v", c.Err())
			}
		})
	}
	wg.Wait()
}

// Trap 2 through the front door: the CONNECT is on its way before the handshake has returned.
func TestFirstConnectIsNeverLost(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				conn, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(h.url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.WriteMessage(websocket.TextMessage, []byte(`40/chat,{"token":"customer:2"}`))
				_ = conn.SetReadDeadline(time.Now().Add(soon))
				for {
					_, b, err := conn.ReadMessage()
					if err != nil {
						t.Errorf("no CONNECT: %v", err)
					}
					if err != nil || strings.HasPrefix(string(b), "40/chat,") {
						break
					}
				}
				_ = conn.Close()
			}
		})
	}
	wg.Wait()
}

// Traps 3 and 8: whenever a connection closes, each Connect is followed by one Disconnect, after
// it, and nobody stays behind.
func TestEveryConnectHasOneDisconnect(t *testing.T) {
	var mu sync.Mutex
	state := map[*realtime.Conn]string{}
	step := func(c *realtime.Conn, from, to string) {
		mu.Lock()
		defer mu.Unlock()
		if state[c] != from {
			t.Errorf("%q while %q", to, state[c])
		}
		state[c] = to
	}
	var n *realtime.Namespace
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n = s.Namespace("/chat", realtime.Hooks{
			Connect: func(ctx context.Context, c *realtime.Conn) error {
				step(c, "", "connecting")
				select {
				case <-ctx.Done():
				case <-time.After(time.Millisecond):
				}
				step(c, "connecting", "connected")
				return nil
			},
			Disconnect: func(c *realtime.Conn, _ string) { step(c, "connected", "gone") },
		})
	})
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for j := range 50 {
				c := siotest.Dial(t, h.url)
				c.Raw(`40/chat,{"token":"customer:2"}`)
				switch (i + j) % 3 {
				case 0:
					c.Close()
				case 1:
					_, _ = c.TryConnect("/chat", nil) // pipelined: against the protocol
				default:
					_ = c.Wait(soon, func(r []siotest.Received) bool { return len(r) > 0 })
					c.Disconnect("/chat")
					c.Close()
				}
			}
		})
	}
	wg.Wait()
	eventually(t, "all are gone", func() bool {
		mu.Lock()
		defer mu.Unlock()
		for _, s := range state {
			if s != "gone" {
				return false
			}
		}
		return h.Stats().Connections == 0 && len(n.Users()) == 0 && h.Stats().Sockets["/chat"] == 0
	})
}

// Trap 4: pipelined CONNECTs never make more than one session.
func TestPipelinedConnects(t *testing.T) {
	var connects atomic.Int32
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{
		Connect: func(context.Context, *realtime.Conn) error { connects.Add(1); return nil },
	}))
	c := siotest.Dial(t, h.url)
	for range 200 {
		c.Raw(`40/chat,{"token":"customer:2"}`)
	}
	c.ExpectClosed(soon)
	p := siotest.OpenPolling(t, h.url)
	p.Post(strings.TrimSuffix(strings.Repeat("40/chat,{\"token\":\"customer:2\"}\x1e", 200), "\x1e"))
	eventually(t, "both connections are closed", func() bool { return h.Stats().Connections == 0 })
	if got := connects.Load(); got > 2 {
		t.Fatalf("%d sessions of two connections", got)
	}
}

// Trap 5: everything sent before leaving is handled, in order, and Disconnect comes after it.
func TestEventsBeforeLeavingAreHandled(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	note := func(s string) { mu.Lock(); seen = append(seen, s); mu.Unlock() }
	gone := make(chan struct{})
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{Disconnect: func(*realtime.Conn, string) { note("gone"); close(gone) }})
		realtime.On(n, realtime.Event{Name: "say"}, func(_ context.Context, _ *realtime.Conn, in text) (text, error) {
			time.Sleep(time.Millisecond)
			note(in.Text)
			return in, nil
		})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	want := []string{}
	for i := range 200 {
		c.Emit("/chat", "say", text{fmt.Sprint(i)})
		want = append(want, fmt.Sprint(i))
	}
	c.Disconnect("/chat")
	<-gone
	if want = append(want, "gone"); !slices.Equal(seen, want) {
		t.Fatalf("handled %d of 200: %v", len(seen)-1, seen)
	}
}

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

// Trap 8: a panic is answered, logged and counted, and the socket goes on.
func TestPanicsAreAnswered(t *testing.T) {
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{Disconnect: func(*realtime.Conn, string) { panic("disconnect") }})
		realtime.On(n, realtime.Event{Name: "now"}, func(context.Context, *realtime.Conn, struct{}) (text, error) { panic("now") })
		realtime.OnAsync(n, realtime.Event{Name: "later"}, func(context.Context, *realtime.Conn, struct{}, func(text, error)) { panic("later") })
		n.Unknown(func(context.Context, *realtime.Conn, string) error { panic("unknown") })
		s.Namespace("/bad", realtime.Hooks{Connect: func(context.Context, *realtime.Conn) error { panic("connect") }})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	for _, event := range []string{"now", "later", "unknown", "now"} {
		for _, b := range []json.RawMessage{c.EmitAck("/chat", event, nil, soon), c.Expect("/chat", "appError", soon)} {
			if f := decode[failure](t, b); f.StatusCode != 500 || f.Event != event || strings.Contains(f.Message, event) {
				t.Errorf("%s: %s", event, b)
			}
		}
	}
	c.Connect("/bad", "customer:2")
	if f := decode[failure](t, c.Expect("/bad", "appError", soon)); f.StatusCode != 500 {
		t.Errorf("connect: %+v", f)
	}
	c.ExpectDisconnect("/bad", soon)
	c.Disconnect("/chat")
	eventually(t, "six panics are counted", func() bool { return h.Stats().Panics == 6 })
	if !strings.Contains(h.logs.String(), "traps_test.go") {
		t.Error("no stack in the log")
	}
}

// Trap 9: of joins and leaves at the same moment nobody is lost.
func TestRegistryUnderChurn(t *testing.T) {
	user := models.UserRef{Type: "customer", ID: "2"}
	var n *realtime.Namespace
	h := start(t, realtime.Options{}, func(s *realtime.Server) { n = s.Namespace("/chat", realtime.Hooks{}) })
	stay := siotest.Dial(t, h.url)
	stay.Connect("/chat", "customer:2")
	eventually(t, "one socket", func() bool { return len(n.Conns(user)) == 1 })
	first := n.Conns(user)[0]
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 40 {
				c := siotest.Dial(t, h.url)
				c.Connect("/chat", "customer:2")
				if !slices.Contains(n.Conns(user), first) {
					t.Error("a socket that stayed was lost")
				}
				c.Close()
			}
		})
	}
	wg.Wait()
	eventually(t, "one socket is left", func() bool { return len(n.Conns(user)) == 1 })
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

// Trap 14: a connection without namespaces does not stay.
func TestConnectionWithoutNamespacesCloses(t *testing.T) {
	t.Parallel()
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	c.Disconnect("/chat")
	c.ExpectClosed(soon)
}

// Trap 16: what JSON cannot encode is an error, and nothing is sent.
func TestUnencodablePayloads(t *testing.T) {
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{})
		realtime.On(n, realtime.Event{Name: "inf", Answer: "answer"}, func(_ context.Context, c *realtime.Conn, _ struct{}) (float64, error) {
			if err := c.Emit("news", math.Inf(1)); err == nil {
				t.Error("an infinite number was encoded")
			}
			if err := c.Emit("connect", "x"); err == nil {
				t.Error("a reserved name was encoded")
			}
			return math.Inf(1), nil
		})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	if f := decode[failure](t, c.EmitAck("/chat", "inf", nil, soon)); f.StatusCode != 500 {
		t.Errorf("got %+v", f)
	}
	if got := c.Events("/chat"); !slices.Equal(got, []string{"appError"}) {
		t.Errorf("events %q", got)
	}
}

// Trap 18: the library's debug output, which prints tokens, stays off.
func TestDebugVariableIsUnset(t *testing.T) {
	t.Setenv("DEBUG", "*")
	start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	if v, ok := os.LookupEnv("DEBUG"); ok {
		t.Fatalf("DEBUG is %q", v)
	}
}
