//go:build figures

package fault

import (
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// 2,000 clients lose their connections at the same moment and come back as fast as they can.
func TestFigureReconnectStorm(t *testing.T) {
	const people, shops = 2000, 20
	w := newWorld(t, 2)
	for v := 1; v <= shops; v++ {
		seller := mustJoin(t, w.nodes[v%2], vendor(v), nil)
		var answers []chan []byte
		for i := v; i <= people; i += shops {
			answers = append(answers, seller.say(t, "p", customer(i), "hello", fmt.Sprint("k", i)))
		}
		for _, a := range answers {
			stored(t, a)
		}
	}
	clients := make([]*client, people)
	all := func(f func(i int)) {
		var wg sync.WaitGroup
		gate := make(chan struct{}, 64)
		for i := range people {
			wg.Go(func() {
				gate <- struct{}{}
				defer func() { <-gate }()
				f(i)
			})
		}
		wg.Wait()
	}
	var failed atomic.Int64
	connect := func(i int) {
		for try := 0; ; try++ {
			c, err := join(w.nodes[(i+try)%2], customer(i+1), nil)
			if err == nil {
				_, err = c.ask("resume", map[string]any{"positions": map[string]any{}})
			}
			if err == nil {
				clients[i] = c
				return
			}
			if try == 50 {
				failed.Add(1)
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	all(connect)
	for _, c := range clients {
		c.reset()
	}
	began := time.Now()
	all(connect)
	took := time.Since(began)
	for _, c := range clients {
		if c != nil {
			c.close()
		}
	}
	record(t, "reconnect storm of 2,000", "all synced within 15 s", took <= 15*time.Second && failed.Load() == 0,
		"%.1f s, %d could not", took.Seconds(), failed.Load())
}

// Somebody comes back to 10,000 messages.
func TestFigureFlush(t *testing.T) {
	const messages = 10_000
	w := newWorld(t, 1)
	buyer := mustJoin(t, w.nodes[0], customer(1), nil)
	for i := 0; i < messages; i += 100 {
		var answers []chan []byte
		for j := range 100 {
			answers = append(answers, buyer.say(t, "p", vendor(1), "a message of usual length, as people write them", fmt.Sprint("k", i+j)))
		}
		for _, a := range answers {
			stored(t, a)
		}
	}
	pid := w.nodes[0].pid()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0o200); err != nil {
		t.Fatal(err) // sets the high-water mark back
	}
	before := memory(t, pid, "VmRSS")
	began := time.Now()
	c := mustJoin(t, w.nodes[0], vendor(1), nil)
	until(t, time.Minute, "the flush", func() bool { return c.got.Load() >= messages })
	took, extra := time.Since(began), memory(t, pid, "VmHWM")-before
	record(t, "flush of 10,000 offline messages", "2 s, 20 MB extra", took <= 2*time.Second && extra <= 20, "%.2f s, %.1f MB", took.Seconds(), max(extra, 0))
}

// Nodes take the place of others while people write: first a third joins, then each is deployed.
func TestFigureRollingDeploy(t *testing.T) {
	r := newRun(t, mix{"deploy", nil, false, 4, 150 * time.Millisecond}, 1)
	r.world = newWorld(t, 3)
	last := r.world.nodes[2]
	r.must(last.end(syscall.SIGTERM)) // joins later
	r.cast()
	r.underLoad(func() {
		r.inflict("third node joins", func() { r.must(last.start()) })
		for _, n := range r.world.nodes {
			r.inflict("node deployed", func() {
				r.must(n.end(syscall.SIGTERM))
				r.must(n.start())
			})
		}
		r.progress(30 * time.Second)
	})
	asked, acked := r.ledger.size()
	record(t, "rolling deploy of three nodes under load", "no failed send after retry", asked == acked && len(r.failures[1]) == 0, "%d of %d sends acknowledged and stored", acked, asked)
}

// Clients come and go 100,000 times, and nothing is left of them. What is compared with is the node
// after a few seconds of the same, when its pools have the connections that they keep.
func TestFigureLeaks(t *testing.T) {
	r := newRun(t, mix{name: "leaks"}, 1)
	r.world = newWorld(t, 2)
	r.churn(2000)
	r.quiet(sizes{goroutines: 200})
	before := r.sizes()
	connects := r.churn(100_000)
	r.quiet(before)
	after := r.sizes()
	none := connects >= 100_000 && after.keys == 0 && after.goroutines-before.goroutines < 10 && after.descriptors-before.descriptors < 10
	record(t, "leaks over 100,000 connects", "none", none,
		"%d connects; goroutines %d → %d, descriptors %d → %d, presence keys %d", connects, before.goroutines, after.goroutines, before.descriptors, after.descriptors, after.keys)
}

// churn connects and disconnects that often, half of it without a word, for five minutes at the most. It
// returns how often it did.
func (r *run_) churn(times int64) int64 {
	var connects atomic.Int64
	var wg sync.WaitGroup
	end := time.Now().Add(5 * time.Minute)
	for i := range 32 {
		wg.Go(func() {
			for n := 0; connects.Load() < times && time.Now().Before(end); n++ {
				c, err := join(r.world.nodes[n%2], customer(1+(i*7+n)%500), nil)
				if err != nil {
					continue
				}
				connects.Add(1)
				if n%2 == 0 {
					c.reset()
				} else {
					c.close()
				}
				<-c.done
			}
		})
	}
	wg.Wait()
	return connects.Load()
}
