package realtime_test

import (
	"context"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

// A heartbeat's answer proves that what was sent before it has arrived, without waiting 20 s.
func TestPingConfirms(t *testing.T) {
	pinged, ponged := make(chan int32, 100), make(chan int32, 100)
	var sent atomic.Int32
	var n *realtime.Namespace
	h := start(t, realtime.Options{PingInterval: time.Hour, PingTimeout: 2 * time.Hour}, func(s *realtime.Server) {
		n = s.Namespace("/chat", realtime.Hooks{
			Pinged: func(*realtime.Conn) { pinged <- sent.Load() },
			Ponged: func(*realtime.Conn) { ponged <- sent.Load() },
		})
		realtime.On(n, realtime.Event{Name: "open"}, func(context.Context, *realtime.Conn, struct{}) (text, error) { return text{}, nil })
	})
	for name, connect := range map[string]func() (received func() int){
		"websocket": func() func() int {
			c := siotest.Dial(t, h.url)
			c.Connect("/chat", "customer:2")
			c.EmitAck("/chat", "open", nil, soon)
			return func() int { return len(c.Events("/chat")) }
		},
		"polling": func() func() int {
			p := siotest.OpenPolling(t, h.url)
			p.Connect("/chat", "customer:2")
			p.Post(`42/chat,0["open"]`)
			p.PollUntil("43/chat,0")
			return func() int { return len(p.PollUntil("2")) - 1 }
		},
	} {
		t.Run(name, func(t *testing.T) {
			sent.Store(0)
			received := connect()
			eventually(t, "registered", func() bool { return len(n.Conns(customer2)) == 1 })
			c := n.Conns(customer2)[0]
			for range 10 {
				sent.Add(1)
				_ = c.Emit("x", 1)
			}
			c.Ping()
			c.Ping() // coalesced with the one under way
			if name == "polling" {
				if got := received(); got < 10 {
					t.Errorf("%d of 10 before the ping", got)
				}
			}
			if got := <-pinged; got != 10 {
				t.Errorf("pinged after %d", got)
			}
			<-ponged
			if name == "websocket" && received() != 10 {
				t.Errorf("confirmed but only %d arrived", received())
			}
			c.Close()
			eventually(t, "gone", func() bool { return len(n.Conns(customer2)) == 0 })
			drain(pinged, ponged)
		})
	}
	liar := siotest.Dial(t, h.url)
	liar.Connect("/chat", "customer:2")
	for range 20 {
		liar.Raw("3")
	}
	liar.Raw(`42/chat,0["x"]`)
	if _, err := liar.TryAck("/chat", 0, soon); err != nil {
		t.Fatalf("pongs without a ping: %v", err)
	}
	if len(ponged) > 0 {
		t.Error("a pong without a ping confirmed something")
	}
}

func drain(channels ...chan int32) {
	for _, ch := range channels {
		for len(ch) > 0 {
			<-ch
		}
	}
}

// A client that floods is slowed down first, then told 429 and cut; others are served meanwhile.
func TestFloodIsThrottledThenCut(t *testing.T) {
	t.Parallel()
	h := start(t, realtime.Options{Limits: realtime.Limits{PacketsPerSecond: 50}}, echo("/chat", realtime.Hooks{}))
	flood, calm := siotest.Dial(t, h.url), siotest.Dial(t, h.url)
	flood.Connect("/chat", "customer:1")
	calm.Connect("/chat", "customer:2")
	began := time.Now()
	go func() {
		for flood.Err() == nil {
			if flood.Message(1, []byte(`42/chat,["echo",{"text":"x"}]`)) != nil {
				return
			}
		}
	}()
	for range 5 {
		if d := timed(func() { calm.EmitAck("/chat", "echo", text{"x"}, soon) }); d > time.Second {
			t.Errorf("another user waited %s", d)
		}
	}
	f := decode[failure](t, flood.Expect("/chat", "appError", 2*soon))
	if f.StatusCode != 429 {
		t.Errorf("got %+v", f)
	}
	flood.ExpectClosed(soon)
	if d, n := time.Since(began), len(flood.Events("/chat")); d < 4*time.Second || n > 100+50*int(d.Seconds()+1) {
		t.Errorf("%d answers within %s", n, d)
	}
	if s := h.Stats(); s.Flooded != 1 || s.Throttled == 0 {
		t.Errorf("counted %+v", s)
	}
}

func timed(f func()) time.Duration {
	began := time.Now()
	f()
	return time.Since(began)
}

func TestShutdown(t *testing.T) {
	reasons := make(chan string, 10)
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{Disconnect: func(_ *realtime.Conn, reason string) { reasons <- reason }})
		realtime.OnAsync(n, realtime.Event{Name: "slow"}, func(_ context.Context, _ *realtime.Conn, _ struct{}, done func(text, error)) {
			time.AfterFunc(200*time.Millisecond, func() { reasons <- "answered"; done(text{}, nil) })
		})
	})
	var clients []*siotest.Client
	for range 5 {
		c := siotest.Dial(t, h.url)
		c.Connect("/chat", "customer:2")
		clients = append(clients, c)
	}
	eventually(t, "connected", func() bool { return h.Stats().Sockets["/chat"] == 5 })
	clients[0].Emit("/chat", "slow", nil)
	eventually(t, "the event is here", func() bool { return h.Stats().EventsIn == 1 })
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	done := make(chan error)
	began := time.Now()
	go func() { done <- h.Shutdown(ctx, 500*time.Millisecond) }()
	eventually(t, "new handshakes are refused", func() bool {
		a := siotest.NewPolling(t, h.url).Get()
		return a.Status == http.StatusServiceUnavailable && a.Header.Get("Retry-After") != ""
	})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d < 300*time.Millisecond || d > 3*time.Second {
		t.Errorf("took %s", d)
	}
	got := map[string]int{}
	for len(reasons) > 0 {
		got[<-reasons]++
	}
	if got["server shutting down"] != 5 || got["answered"] != 1 {
		t.Errorf("ended by %v", got)
	}
	for _, c := range clients {
		c.ExpectClosed(soon)
		if slices.ContainsFunc(c.Received(), func(r siotest.Received) bool { return r.Kind == siotest.KindDisconnect }) {
			t.Error("a disconnect packet would keep the client from coming back")
		}
	}
}
