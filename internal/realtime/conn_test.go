package realtime_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

var customer2 = models.UserRef{Type: "customer", ID: "2"}

// A token comes from auth.token or the Authorization header and from nowhere else.
func TestTokens(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	type auth map[string]any
	for name, c := range map[string]struct {
		auth any
		opts []siotest.Option
		ok   bool
	}{
		"auth.token":         {auth: auth{"token": "customer:2"}, ok: true},
		"bearer":             {auth: auth{"token": "Bearer customer:2"}, ok: true},
		"header":             {opts: []siotest.Option{siotest.WithHeader("Authorization", "Bearer customer:2")}, ok: true},
		"header, null token": {auth: auth{"token": nil}, opts: []siotest.Option{siotest.WithHeader("Authorization", "Bearer customer:2")}, ok: true},
		"query":              {opts: []siotest.Option{siotest.WithQuery("token", "customer:2")}},
		"cookie":             {opts: []siotest.Option{siotest.WithHeader("Cookie", "token=customer:2")}},
		"nothing":            {},
		"empty":              {auth: auth{"token": ""}},
		"number":             {auth: auth{"token": 7}},
		"list":               {auth: auth{"token": []string{"customer:2"}}},
		"object":             {auth: auth{"token": auth{"token": "customer:2"}}},
		"too long":           {auth: auth{"token": "customer:2" + string(make([]byte, 5000))}},
		"expired":            {auth: auth{"token": "customer:2:-1s"}},
		"wrong in auth, right in header": {auth: auth{"token": "x"},
			opts: []siotest.Option{siotest.WithHeader("Authorization", "customer:2")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c2 := siotest.Dial(t, h.url, c.opts...)
			if _, err := c2.TryConnect("/chat", c.auth); err != nil {
				t.Fatal(err)
			}
			if c.ok {
				c2.EmitAck("/chat", "echo", text{"hi"}, soon)
				return
			}
			if f := decode[failure](t, c2.Expect("/chat", "appError", soon)); f.StatusCode != 401 {
				t.Errorf("got %+v", f)
			}
			c2.ExpectDisconnect("/chat", soon)
			c2.ExpectClosed(soon)
			if got := c2.Events("/chat"); !slices.Equal(got, []string{"appError"}) {
				t.Errorf("events %q", got)
			}
		})
	}
}

// Events that come while Connect runs wait for it, in order; a refused socket's never run.
func TestEventsWaitForConnect(t *testing.T) {
	free := make(chan error)
	var handled atomic.Int32
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{Connect: func(_ context.Context, c *realtime.Conn) error {
			if len(s.Stats().Sockets) != 1 || s.Stats().Sockets["/chat"] != 1 {
				t.Error("not in the registry while connecting")
			}
			return <-free
		}})
		realtime.On(n, realtime.Event{Name: "n"}, func(_ context.Context, _ *realtime.Conn, i int) (int, error) {
			handled.Add(1)
			return i, nil
		})
	})
	for _, verdict := range []error{nil, apperr.New(apperr.Forbidden, "No")} {
		handled.Store(0)
		c := siotest.Dial(t, h.url)
		c.Connect("/chat", "customer:2")
		var ids []int
		for i := range 30 {
			ids = append(ids, c.EmitID("/chat", "n", i))
		}
		eventually(t, "the events are here", func() bool { return h.Stats().EventsIn%30 == 0 && h.Stats().EventsIn > 0 })
		if handled.Load() != 0 {
			t.Fatal("a handler ran before Connect returned")
		}
		free <- verdict
		if verdict != nil {
			c.ExpectClosed(soon)
			if handled.Load() != 0 {
				t.Error("a refused socket's event was handled")
			}
			continue
		}
		for i, id := range ids {
			if b, err := c.TryAck("/chat", id, soon); err != nil || string(b) != fmt.Sprint(i) {
				t.Fatalf("acknowledgement %d: %s %v", id, b, err)
			}
		}
		c.Close()
		eventually(t, "it is gone", func() bool { return h.Stats().Sockets["/chat"] == 0 })
	}
}

func TestExpiry(t *testing.T) {
	var n *realtime.Namespace
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n = s.Namespace("/chat", realtime.Hooks{})
	})
	began := time.Now()
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2:300ms")
	kept := siotest.Dial(t, h.url)
	kept.Connect("/chat", "customer:3:300ms")
	eventually(t, "registered", func() bool { return len(n.Users()) == 2 })
	later := n.Conns(models.UserRef{Type: "customer", ID: "3"})[0]
	id := later.Identity()
	id.Expires = began.Add(900 * time.Millisecond)
	later.SetIdentity(id)

	f := decode[failure](t, c.Expect("/chat", "appError", soon))
	if d := time.Since(began); f.StatusCode != 401 || d < 300*time.Millisecond || d > 1300*time.Millisecond {
		t.Errorf("after %s: %+v", d, f)
	}
	c.ExpectDisconnect("/chat", soon)
	kept.Expect("/chat", "appError", soon)
	if d := time.Since(began); d < 900*time.Millisecond || d > 1900*time.Millisecond || h.Stats().Expired != 2 {
		t.Errorf("the refreshed one was cut after %s: %+v", d, h.Stats())
	}
}

func TestSocketsPerUser(t *testing.T) {
	h := start(t, realtime.Options{Limits: realtime.Limits{SocketsPerUser: 2}}, echo("/chat", realtime.Hooks{}))
	var clients []*siotest.Client
	for range 3 {
		c := siotest.Dial(t, h.url)
		c.Connect("/chat", "customer:2")
		clients = append(clients, c)
		eventually(t, "decided", func() bool {
			s := h.Stats()
			return s.Sockets["/chat"] == len(clients) || s.Denied == 1
		})
	}
	if f := decode[failure](t, clients[2].Expect("/chat", "appError", soon)); f.StatusCode != 429 {
		t.Errorf("got %+v", f)
	}
	clients[2].ExpectClosed(soon)
	other := siotest.Dial(t, h.url)
	other.Connect("/chat", "vendor:2")
	other.EmitAck("/chat", "echo", text{"x"}, soon)
	clients[0].Close()
	eventually(t, "a place is free", func() bool { return h.Stats().Sockets["/chat"] == 2 })
	again := siotest.Dial(t, h.url)
	again.Connect("/chat", "customer:2")
	again.EmitAck("/chat", "echo", text{"x"}, soon)
}

// One user's chat refusal leaves the connection's other namespace alone, and leaving and joining
// again at once works.
func TestNamespacesOfOneConnection(t *testing.T) {
	t.Parallel()
	var refuse atomic.Bool
	refuse.Store(true)
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		echo("/presence", realtime.Hooks{})(s)
		echo("/chat", realtime.Hooks{Connect: func(context.Context, *realtime.Conn) error {
			if refuse.Load() {
				return apperr.New(apperr.Forbidden, "No")
			}
			return nil
		}})(s)
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/presence", "customer:2")
	c.Connect("/chat", "customer:2")
	c.Expect("/chat", "appError", soon)
	c.ExpectDisconnect("/chat", soon)
	refuse.Store(false)
	for range 50 {
		c.Connect("/chat", "customer:2")
		c.Disconnect("/chat")
	}
	c.Connect("/chat", "customer:2")
	c.EmitAck("/chat", "echo", text{"x"}, soon)
	c.EmitAck("/presence", "echo", text{"x"}, soon)
	// Past the moment at which the refusal would have closed the transport.
	closing := time.After(1500 * time.Millisecond)
	select {
	case <-c.Done():
		t.Fatal("the refusal closed the connection")
	case <-closing:
	}
}
