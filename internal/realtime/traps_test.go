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
