package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/redis"
	"chaffer/internal/redis/redistest"
)

const (
	shortGrace = 200 * time.Millisecond
	patience   = 30 * time.Second
)

// changes keeps what a tracker announces and lets a test wait for it.
type changes struct {
	mu   sync.Mutex
	all  []Change
	more chan struct{}
}

func listen(t Tracker) *changes {
	c := &changes{more: make(chan struct{}, 1024)}
	t.Subscribe(func(ch Change) {
		c.mu.Lock()
		c.all = append(c.all, ch)
		c.mu.Unlock()
		c.more <- struct{}{}
	})
	return c
}

func (c *changes) of(u models.UserRef) (out []bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ch := range c.all {
		if ch.User == u {
			out = append(out, ch.Online)
		}
	}
	return out
}

// expect waits until exactly these changes of u have been announced.
func (c *changes) expect(t *testing.T, u models.UserRef, want ...bool) {
	t.Helper()
	deadline := time.After(patience)
	for fmt.Sprint(c.of(u)) != fmt.Sprint(want) {
		select {
		case <-c.more:
		case <-deadline:
			t.Fatalf("%s: announced %v, expected %v", u, c.of(u), want)
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("within %s it did not come true that %s", patience, what)
		}
	}
}

func openRedis(t *testing.T, url string) *redis.Client {
	t.Helper()
	c, err := redis.Open(url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func newRedis(t *testing.T, url string, limit int) *Redis {
	t.Helper()
	r := NewRedis(openRedis(t, url), shortGrace, limit, slog.New(slog.DiscardHandler))
	t.Cleanup(r.Close)
	return r
}

// each runs a test on every kind of tracker.
func each(t *testing.T, test func(t *testing.T, tracker Tracker)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) {
		m := NewMemory(shortGrace)
		defer m.Close()
		test(t, m)
	})
	t.Run("redis", func(t *testing.T) { test(t, newRedis(t, redistest.Start(t).URL, 0)) })
	t.Run("redis away", func(t *testing.T) {
		s := redistest.Start(t)
		s.Kill()
		test(t, newRedis(t, s.URL, 0))
	})
}

var (
	john = models.UserRef{Type: models.TypeCustomer, ID: "2"}
	shop = models.UserRef{Type: models.TypeVendor, ID: "2"}
)

func TestSeveralSocketsAreOnePresence(t *testing.T) {
	each(t, func(t *testing.T, tr Tracker) {
		ctx, heard := t.Context(), listen(tr)
		if tr.Online(ctx, john) || !tr.LastSeen(ctx, john).IsZero() {
			t.Error("somebody who never came is known")
		}
		for _, id := range []string{"a", "b", "b"} {
			if err := tr.Add(ctx, john, id); err != nil {
				t.Fatal(err)
			}
		}
		if !tr.Online(ctx, john) || tr.Online(ctx, shop) {
			t.Error("customer 2 is there, vendor 2 is not")
		}
		_ = tr.Remove(ctx, john, "b")
		if !tr.Online(ctx, john) {
			t.Error("one of two sockets is still there")
		}
		_ = tr.Remove(ctx, john, "a")
		heard.expect(t, john, true, false)
		eventually(t, "john is offline", func() bool { return !tr.Online(ctx, john) })
		if seen := tr.LastSeen(ctx, john); time.Since(seen) > patience || seen.IsZero() {
			t.Errorf("last seen %s", seen)
		}
		if err := tr.Add(ctx, john, "c"); err != nil {
			t.Fatal(err)
		}
		heard.expect(t, john, true, false, true)
	})
}

func TestAPageChangeIsNoDeparture(t *testing.T) {
	each(t, func(t *testing.T, tr Tracker) {
		ctx, heard := t.Context(), listen(tr)
		for i := range 5 {
			id := fmt.Sprint(i)
			if err := tr.Add(ctx, john, id); err != nil {
				t.Fatal(err)
			}
			_ = tr.Remove(ctx, john, id)
		}
		heard.expect(t, john, true, false)
	})
}

func TestWaitEndsWithTheFirstSocket(t *testing.T) {
	each(t, func(t *testing.T, tr Tracker) {
		short, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		if err := tr.Wait(short, john); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody came: %v", err)
		}
		done := make(chan error, 1)
		go func() { done <- tr.Wait(t.Context(), john) }()
		if err := tr.Add(t.Context(), john, "a"); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestNodesKnowOfEachOther(t *testing.T) {
	url := redistest.Start(t).URL
	a, b := newRedis(t, url, 3), newRedis(t, url, 3)
	ctx, atA, atB := t.Context(), listen(a), listen(b)
	waiting := make(chan error, 1)
	go func() { waiting <- b.Wait(ctx, john) }()
	if err := errors.Join(a.Add(ctx, john, "1"), b.Add(ctx, shop, "2")); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err != nil {
		t.Errorf("a socket on another node is as good: %v", err)
	}
	eventually(t, "each sees the other's people", func() bool { return b.Online(ctx, john) && a.Online(ctx, shop) })
	where, err := b.Where(ctx, time.Second, []models.UserRef{john, shop})
	if err != nil || fmt.Sprint(where) != fmt.Sprintf("map[%s:[%s]]", john, a.client.Node()) {
		t.Errorf("where: %v %v", where, err)
	}
	if err := errors.Join(b.Add(ctx, john, "3"), b.Add(ctx, john, "4")); err != nil {
		t.Fatal(err)
	}
	if err := a.Add(ctx, john, "5"); !apperr.Is(err, apperr.TooMany) {
		t.Errorf("the fourth of three sockets on two nodes: %v", err)
	}
	_ = a.Remove(ctx, john, "1")
	_ = b.Remove(ctx, john, "3")
	_ = b.Remove(ctx, john, "4")
	eventually(t, "one node says that john has gone", func() bool { return len(atA.of(john))+len(atB.of(john)) == 2 })
	if last := append(atA.of(john), atB.of(john)...); fmt.Sprint(atA.of(john)) != "[true]" && fmt.Sprint(last) != "[true false]" {
		t.Errorf("announced %v and %v", atA.of(john), atB.of(john))
	}
	eventually(t, "nobody counts john any more", func() bool { return !a.Online(ctx, john) && !b.Online(ctx, john) })
}

func TestWhatAKilledNodeLeavesBehindEnds(t *testing.T) {
	s := redistest.Start(t)
	a, b := newRedis(t, s.URL, 0), newRedis(t, s.URL, 0)
	ctx, heard := t.Context(), listen(b)
	if err := a.Add(ctx, john, "1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "john is seen", func() bool { return b.Online(ctx, john) })
	a.stop() // it renews no more and collects nothing, as if it were gone
	a.wg.Wait()
	c := s.Client() // the lease of 28 s, over before its time
	defer c.Close()
	if err := c.ZAdd(ctx, presenceKey(john), zero(a.member("1"))).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.ZAdd(ctx, onlineKey(john), zero(john.String())).Err(); err != nil {
		t.Fatal(err)
	}
	heard.expect(t, john, false)
	eventually(t, "john is gone", func() bool { return !b.Online(ctx, john) })
}

func TestRedisGoesAndComesBackEmpty(t *testing.T) {
	s := redistest.Start(t)
	a, b := newRedis(t, s.URL, 0), newRedis(t, s.URL, 0)
	ctx, heard := t.Context(), listen(a)
	if err := a.Add(ctx, john, "1"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "john is seen", func() bool { return b.Online(ctx, john) })
	s.Kill()
	eventually(t, "both have noticed", func() bool { return a.Degraded() && b.Degraded() })
	began := time.Now()
	if !a.Online(ctx, john) || b.Online(ctx, shop) {
		t.Error("a node knows its own people, whatever Redis does")
	}
	if took := time.Since(began); took > 50*time.Millisecond {
		t.Errorf("a question took %s while Redis is away", took)
	}
	s.Run()
	eventually(t, "john is seen again", func() bool { return b.Online(ctx, john) })
	heard.expect(t, john, true)
}

func TestAFrozenRedisHoldsNobodyUp(t *testing.T) {
	s := redistest.Start(t)
	a := newRedis(t, s.URL, 0)
	s.Freeze()
	defer s.Thaw()
	began := time.Now()
	for i := range 200 {
		u := models.UserRef{Type: models.TypeCustomer, ID: fmt.Sprint(i)}
		if err := a.Add(t.Context(), u, "1"); err != nil || a.Online(t.Context(), shop) {
			t.Fatalf("%v", err)
		}
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("200 connects took %s with a frozen Redis", took)
	}
}
