//go:build figures

package fault

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// How long a message takes to somebody on the other node.
func TestFigureOtherNode(t *testing.T) {
	const pairs, rounds = 20, 100
	w := newWorld(t, 2)
	var mu sync.Mutex
	sent := map[string]time.Time{}
	var took *delays
	var senders []*client
	for i := 1; i <= pairs; i++ {
		mustJoin(t, w.nodes[1], vendor(i), func(name string, body []byte) {
			var m struct{ Data message }
			if name != "receiveMessage" || json.Unmarshal(body, &m) != nil {
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if at, ok := sent[m.Data.ClientMessageID]; ok {
				took.add(time.Since(at))
				delete(sent, m.Data.ClientMessageID)
			}
		})
		senders = append(senders, mustJoin(t, w.nodes[0], customer(i), nil))
	}
	round := func(name string) *delays {
		mu.Lock()
		took = &delays{}
		mu.Unlock()
		for n := range rounds {
			var answers []chan []byte
			for i, c := range senders {
				key := fmt.Sprintf("%s-%d-%d", name, i, n)
				mu.Lock()
				sent[key] = time.Now()
				mu.Unlock()
				answers = append(answers, c.say(t, "p", vendor(i+1), "hello", key))
			}
			for _, a := range answers {
				stored(t, a)
			}
			time.Sleep(50 * time.Millisecond)
		}
		until(t, 30*time.Second, "everything arrives", func() bool { mu.Lock(); defer mu.Unlock(); return len(sent) == 0 || onlyFirst(sent) })
		mu.Lock()
		defer mu.Unlock()
		clear(sent)
		return took
	}
	round("warm")
	with := round("with")
	w.redis.Kill()
	until(t, 10*time.Second, "Redis is missed", func() bool {
		return figure(w.nodes[0].metrics, "chaffer_redis_up") == 0 && figure(w.nodes[1].metrics, "chaffer_redis_up") == 0
	})
	without := round("without")
	record(t, "to another node's device, with Redis", "p99 100 ms", with.percentile(99) <= 100, "p50 %d ms, p99 %d ms", with.percentile(50), with.percentile(99))
	record(t, "to another node's device, without Redis", "p99 1.2 s", without.percentile(99) <= 1200, "p50 %d ms, p99 %d ms", without.percentile(50), without.percentile(99))
}

// onlyFirst: the first message of a chat comes as newChat, which is not timed.
func onlyFirst(sent map[string]time.Time) bool {
	for key := range sent {
		if !strings.HasPrefix(key, "warm-") || !strings.HasSuffix(key, "-0") {
			return false
		}
	}
	return true
}

// How long somebody seems to be there who is not.
func TestFigureGhosts(t *testing.T) {
	w := newWorld(t, 2)
	started := time.Now()
	gone := make(chan string, 100)
	watcher := mustJoin(t, w.nodes[0], vendor(1), func(name string, body []byte) {
		if name == "userIsOffline" {
			var m struct{ Data struct{ UserID wire.ID } }
			_ = json.Unmarshal(body, &m)
			gone <- string(m.Data.UserID)
		}
	})
	wait := func(u models.UserRef, began time.Time) time.Duration {
		for deadline := time.After(45 * time.Second); ; {
			select {
			case id := <-gone:
				if id == u.ID {
					return time.Since(began)
				}
			case <-deadline:
				return 45 * time.Second
			}
		}
	}
	for i := 1; i <= 2; i++ {
		stored(t, watcher.say(t, "p", customer(i), "hello", fmt.Sprint("k", i)))
	}
	clean := mustJoin(t, w.nodes[1], customer(1), nil)
	// Ten seconds after Redis has been found, nobody is declared gone yet: every node has to renew first.
	until(t, 20*time.Second, "the nodes are sure of Redis", func() bool { return time.Since(started) > 11*time.Second })
	clean.close()
	took := wait(customer(1), time.Now())
	record(t, "ghost presence after a clean close", "6 s", took <= 6*time.Second, "%.1f s", took.Seconds())

	mustJoin(t, w.nodes[1], customer(2), nil)
	at := time.Now()
	if err := w.nodes[1].end(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	took = wait(customer(2), at)
	record(t, "ghost presence after a crash", "30 s", took <= 30*time.Second, "%.1f s", took.Seconds())
}

// What a message costs the bus and the processors, with its people spread over one to four nodes.
func TestFigureSlope(t *testing.T) {
	const pairs, rounds = 24, 200
	for nodes := 1; nodes <= 4; nodes++ {
		w := newWorld(t, nodes)
		var senders, receivers []*client
		for i := 1; i <= pairs; i++ {
			// Each vendor has a device on every node: what is written has to get everywhere.
			for n := range nodes {
				receivers = append(receivers, mustJoin(t, w.nodes[n], vendor(i), nil))
			}
			senders = append(senders, mustJoin(t, w.nodes[i%nodes], customer(i), nil))
		}
		send := func(rounds int, name string) {
			for n := range rounds {
				var answers []chan []byte
				for i, c := range senders {
					answers = append(answers, c.say(t, "p", vendor(i+1), "a message of usual length, as people write them", fmt.Sprintf("%s-%d-%d", name, i, n)))
				}
				for _, a := range answers {
					stored(t, a)
				}
			}
		}
		send(5, "warm")
		total := func(name string) (sum int) {
			for _, n := range w.nodes {
				sum += figure(n.metrics, name)
			}
			return sum
		}
		published, bytes := total(`chaffer_bus_total\{outcome="published"\}`), redisBytes(t, w)
		var computed time.Duration
		for _, n := range w.nodes {
			computed -= processor(t, n.pid())
		}
		began := time.Now()
		send(rounds, "measured")
		until(t, 30*time.Second, "everything arrives", func() bool {
			for _, c := range receivers {
				if c.got.Load() < rounds+5 {
					return false
				}
			}
			return true
		})
		took := time.Since(began)
		for _, n := range w.nodes {
			computed += processor(t, n.pid())
		}
		const messages = pairs * rounds
		record(t, fmt.Sprintf("%d nodes, the recipient on all of them", nodes), "", true, "%.2f publishes, %.0f bytes through Redis, %.0f µs of the nodes' processors a message; %.0f messages/s",
			float64(total(`chaffer_bus_total\{outcome="published"\}`)-published)/messages, float64(redisBytes(t, w)-bytes)/messages,
			float64(computed.Microseconds())/messages, messages/took.Seconds())
		for _, c := range append(senders, receivers...) {
			c.close()
		}
		for _, n := range w.nodes {
			if err := n.end(syscall.SIGTERM); err != nil {
				t.Error(err)
			}
		}
	}
}

// redisBytes is what Redis has read from its clients and written to them.
func redisBytes(t *testing.T, w *world) (sum int) {
	t.Helper()
	c := w.redis.Client()
	defer c.Close()
	text, err := c.Info(t.Context(), "stats").Result()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(text) {
		for _, name := range []string{"total_net_input_bytes:", "total_net_output_bytes:"} {
			if rest, ok := strings.CutPrefix(strings.TrimSpace(line), name); ok {
				n := 0
				_, _ = fmt.Sscan(rest, &n)
				sum += n
			}
		}
	}
	return sum
}
