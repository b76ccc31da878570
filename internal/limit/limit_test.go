package limit

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/redis"
	"chaffer/internal/redis/redistest"
)

// generous is a node that never says no by itself; asked counts how often it was asked.
type generous struct{ asked atomic.Int64 }

func (g *generous) Send(context.Context, models.UserRef) time.Duration {
	g.asked.Add(1)
	return 0
}
func (g *generous) OpenChat(context.Context, models.UserRef) time.Duration { return 0 }

func node(t *testing.T, url string, r Rates) (*Shared, *generous) {
	t.Helper()
	c, err := redis.Open(url, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	g := &generous{}
	return New(c, r, g), g
}

var john = models.UserRef{Type: models.TypeCustomer, ID: "2"}

func TestThreeNodesCountTogether(t *testing.T) {
	url := redistest.Start(t).URL
	rates := Rates{SendsPerSecond: 1000, SendsPerMinute: 12, NewChatsPerHour: 3}
	var passed, opened atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		n, _ := node(t, url, rates)
		for range 10 {
			wg.Go(func() {
				for range 4 {
					switch wait := n.Send(t.Context(), john); {
					case wait == 0:
						passed.Add(1)
					case wait > 6*time.Second:
						t.Errorf("told to wait %s for a token that comes every 5 s", wait)
					}
				}
				if n.OpenChat(t.Context(), john) == 0 {
					opened.Add(1)
				}
			})
		}
	}
	wg.Wait()
	if passed.Load() != 12 || opened.Load() != 3 {
		t.Errorf("%d sends and %d chats passed of 12 and 3", passed.Load(), opened.Load())
	}
	other, _ := node(t, url, rates)
	if other.Send(t.Context(), models.UserRef{Type: models.TypeVendor, ID: "2"}) != 0 {
		t.Error("vendor 2 pays for customer 2")
	}
}

func TestATokenComesBack(t *testing.T) {
	n, _ := node(t, redistest.Start(t).URL, Rates{SendsPerSecond: 2})
	for i := range 2 {
		if wait := n.Send(t.Context(), john); wait != 0 {
			t.Fatalf("send %d waits %s", i, wait)
		}
	}
	wait := n.Send(t.Context(), john)
	if wait <= 0 || wait > 500*time.Millisecond {
		t.Fatalf("expected to wait up to 500 ms, got %s", wait)
	}
	time.Sleep(wait) // what the client is told to do
	if again := n.Send(t.Context(), john); again != 0 {
		t.Errorf("after waiting as told: %s", again)
	}
}

func TestRedisAwayLeavesItToTheNode(t *testing.T) {
	s := redistest.Start(t)
	n, own := node(t, s.URL, Rates{SendsPerSecond: 1})
	s.Freeze()
	defer s.Thaw()
	began := time.Now()
	for range 100 {
		n.Send(t.Context(), john)
	}
	if took := time.Since(began); took > time.Second || own.asked.Load() != 100 {
		t.Errorf("100 sends took %s with a frozen Redis; the node was asked %d times", took, own.asked.Load())
	}
}
