package realtime_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

func TestPollingEcho(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	if a := p.Post(`42/chat,1["echo",{"text":"hi"}]`); a.Body != "ok" {
		t.Fatalf("post: %+v", a)
	}
	got := p.PollUntil(`43/chat,1[{"text":"hi"}]`)
	if want := []string{`42/chat,["echoed",{"text":"hi"}]`, `43/chat,1[{"text":"hi"}]`}; !slices.Equal(got, want) {
		t.Fatalf("got %q, want %q", got, want)
	}
}

// The three behaviours of the Engine.IO v4 suite that the library has not.
func TestPollingBadPacketClosesSession(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	for _, body := range []string{"abc", "", "4hello\x1eabc", "2", "0{}", "bAQID", "450-/chat,[\"x\"]", "42/chat,", "42/chat,[\"x\"", "4\xff"} {
		t.Run(fmt.Sprintf("%q", body), func(t *testing.T) {
			p := siotest.OpenPolling(t, h.url)
			p.Connect("/chat", "customer:2")
			p.Post(body)
			eventually(t, "the session is unknown", func() bool { return p.Get().Status == http.StatusBadRequest })
		})
	}
}

func TestPollingDuplicatePoll(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	answers := make(chan siotest.Answer, 2)
	for range 2 {
		go func() { answers <- p.Get() }()
	}
	first, second := <-answers, <-answers
	if first.Status != http.StatusBadRequest {
		first, second = second, first
	}
	if first.Status != http.StatusBadRequest || second.Status != http.StatusOK || second.Body != "1" {
		t.Fatalf("got %d %q and %d %q, want 400 and a closing packet", first.Status, first.Body, second.Status, second.Body)
	}
	if a := p.Get(); a.Status != http.StatusBadRequest {
		t.Fatalf("the session is still there: %+v", a)
	}
}

func TestPollingCancelledPoll(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if a := p.GetContext(ctx); a.Status != 0 {
		t.Fatalf("the poll was answered: %+v", a)
	}
	eventually(t, "the session ends", func() bool { return h.Stats().Connections == 0 })
	if a := p.Get(); a.Status != http.StatusBadRequest {
		t.Fatalf("the session is still there: %+v", a)
	}
}

func TestPollingOverlappingPosts(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	slow, release := slowBody(`42/chat,["echo",{"text":"x"}]`)
	done := make(chan siotest.Answer, 1)
	go func() { done <- p.Do(http.MethodPost, slow) }()
	slow.started()
	eventually(t, "the second post is refused", func() bool { return p.Post("3").Status == http.StatusBadRequest })
	release()
	<-done
	eventually(t, "the session ends", func() bool { return h.Stats().Connections == 0 })
}

func TestPollingClientCloses(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	poll := make(chan siotest.Answer, 1)
	go func() { poll <- p.Get() }()
	eventually(t, "the poll is pending", func() bool { return h.gets.Load() == 1 })
	if a := p.Post("1"); a.Body != "ok" {
		t.Fatalf("post: %+v", a)
	}
	if a := <-poll; a.Status != http.StatusOK || a.Body != "6" {
		t.Fatalf("poll: %+v", a)
	}
	if a := p.Get(); a.Status != http.StatusBadRequest {
		t.Fatalf("the session is still there: %+v", a)
	}
}

// A pending poll is answered when the server closes the session, so nothing waits for a deadline.
func TestPollingShutdownAnswersPoll(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	poll := make(chan siotest.Answer, 1)
	go func() { poll <- p.Get() }()
	eventually(t, "the poll is pending", func() bool { return h.gets.Load() == 1 })
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), soon)
	defer cancel()
	if err := h.Shutdown(ctx, 0); err != nil {
		t.Fatalf("shutdown: %v", err)
	}
	if err := h.http.Config.Shutdown(ctx); err != nil {
		t.Fatalf("http shutdown: %v", err)
	}
	if a := <-poll; a.Status != http.StatusOK || a.Body != "1" {
		t.Fatalf("poll: %+v", a)
	}
	if d := time.Since(began); d > 3*time.Second {
		t.Fatalf("the shutdown took %s", d)
	}
}

// The session id alone lets nobody read or write.
func TestPollingHijack(t *testing.T) {
	h := start(t, realtime.Options{ClientIP: func(r *http.Request) string { return r.Header.Get("X-Test-IP") }}, echo("/chat", realtime.Hooks{}))
	p := siotest.OpenPolling(t, h.url, siotest.WithHeader("X-Test-IP", "10.0.0.1"), siotest.WithHeader("User-Agent", "victim"))
	p.Connect("/chat", "customer:2")
	for name, opts := range map[string][]siotest.Option{
		"another address":                {siotest.WithHeader("X-Test-IP", "10.0.0.2"), siotest.WithHeader("User-Agent", "victim")},
		"another address, no user agent": {siotest.WithHeader("X-Test-IP", "10.0.0.2"), siotest.WithHeader("User-Agent", "")},
		"another user agent":             {siotest.WithHeader("X-Test-IP", "10.0.0.1"), siotest.WithHeader("User-Agent", "thief")},
	} {
		thief := siotest.NewPolling(t, h.url, opts...)
		thief.SID = p.SID
		if a := thief.Get(); a.Status != http.StatusForbidden {
			t.Errorf("%s reads: %+v", name, a)
		}
		if a := thief.Post(`42/chat,1["echo",{"text":"x"}]`); a.Status != http.StatusForbidden {
			t.Errorf("%s writes: %+v", name, a)
		}
		if _, resp, err := siotest.TryDial(t, h.url, append(opts, siotest.Upgrading(p.SID))...); err == nil || resp.StatusCode != http.StatusForbidden {
			t.Errorf("%s upgrades: %v", name, err)
		}
	}
	p.Post(`42/chat,1["echo",{"text":"mine"}]`)
	p.PollUntil(`43/chat,1[{"text":"mine"}]`)
	// The stock client in Node polls with a user agent and opens its WebSocket without one.
	own, _, err := siotest.TryDial(t, h.url, siotest.WithHeader("X-Test-IP", "10.0.0.1"), siotest.WithHeader("User-Agent", ""), siotest.Upgrading(p.SID))
	if err != nil {
		t.Fatalf("the owner's upgrade: %v", err)
	}
	own.Raw("2probe")
	own.ExpectProbe(soon)
	if strings.Contains(h.logs.String(), p.SID) {
		t.Error("the session id is in the log")
	}
}

// What is sent before, during and after the change to a WebSocket arrives once and in order.
func TestUpgradeKeepsOrder(t *testing.T) {
	user := models.UserRef{Type: models.TypeCustomer, ID: "2"}
	var n *realtime.Namespace
	h := start(t, realtime.Options{}, func(s *realtime.Server) { n = s.Namespace("/chat", realtime.Hooks{}) })
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:2")
	eventually(t, "the socket is registered", func() bool { return len(n.Conns(user)) == 1 })
	conn := n.Conns(user)[0]

	const total = 400
	var emitted atomic.Int32
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		for i := range total {
			if err := conn.Emit("n", i); err != nil {
				t.Error(err)
			}
			emitted.Add(1)
			time.Sleep(time.Millisecond)
		}
	}()
	var polled []string
	c, _, err := siotest.TryDial(t, h.url, siotest.Upgrading(p.SID))
	if err != nil {
		t.Fatal(err)
	}
	c.Raw("2probe")
	c.ExpectProbe(soon)
	// Like the stock client: one more poll, until the server lets it go, then the upgrade packet.
	polled = append(polled, p.Get().Packets()...)
	before := emitted.Load()
	eventually(t, "some are queued for a poll that never comes", func() bool { return emitted.Load() > before+5 })
	c.Raw("5")
	<-stop
	err = c.Wait(soon, func(all []siotest.Received) bool {
		return len(all) > 0 && string(all[len(all)-1].Arg()) == fmt.Sprint(total-1)
	})
	if err != nil {
		t.Fatalf("after the upgrade: %v; polled %q", err, polled)
	}
	var got []string
	for _, packet := range polled {
		if rest, ok := strings.CutPrefix(packet, `42/chat,["n",`); ok {
			got = append(got, strings.TrimSuffix(rest, "]"))
		}
	}
	for _, r := range c.Received() {
		if r.Event == "n" {
			got = append(got, string(r.Arg()))
		}
	}
	if len(got) != total {
		t.Fatalf("%d of %d arrived", len(got), total)
	}
	for i, g := range got {
		if g != fmt.Sprint(i) {
			t.Fatalf("place %d has %s", i, g)
		}
	}
	if a := p.Get(); a.Status != http.StatusBadRequest {
		t.Fatalf("the old transport still answers: %+v", a)
	}
	if _, resp, err := siotest.TryDial(t, h.url, siotest.Upgrading(p.SID)); err == nil || resp.StatusCode != http.StatusBadRequest {
		t.Fatalf("a second upgrade: %v", err)
	}
	if got := c.Pings(); got != 0 {
		t.Fatalf("%d pings", got)
	}
}
