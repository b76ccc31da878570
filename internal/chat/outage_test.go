package chat

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/db/dbtest"
)

// cable is a TCP proxy in front of a database that can be cut, and frozen with its connections open.
type cable struct {
	t      *testing.T
	ln     net.Listener
	target string
	frozen atomic.Bool
	thawed sync.Cond
	mu     sync.Mutex
	down   bool
	open   map[net.Conn]bool
	wg     sync.WaitGroup
}

func newCable(t *testing.T, target string) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &cable{t: t, ln: ln, target: target, open: map[net.Conn]bool{}}
	w.thawed.L = &w.mu
	w.wg.Go(w.accept)
	t.Cleanup(func() {
		w.freeze(false)
		ln.Close()
		w.cut(true)
		w.wg.Wait()
	})
	return w
}

func (w *cable) accept() {
	for {
		in, err := w.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", w.target)
		w.mu.Lock()
		if err != nil || w.down {
			in.Close()
			if out != nil {
				out.Close()
			}
		} else {
			w.open[in], w.open[out] = true, true
			w.wg.Go(func() { w.pump(in, out) })
			w.wg.Go(func() { w.pump(out, in) })
		}
		w.mu.Unlock()
	}
}

func (w *cable) pump(to, from net.Conn) {
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		w.mu.Lock()
		for w.frozen.Load() {
			w.thawed.Wait()
		}
		w.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	to.Close()
	from.Close()
}

// cut ends all connections and refuses new ones until it is undone.
func (w *cable) cut(down bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = down
	for c := range w.open {
		if down {
			c.Close()
			delete(w.open, c)
		}
	}
}

// freeze lets nothing through and says nothing.
func (w *cable) freeze(on bool) {
	w.frozen.Store(on)
	w.thawed.Broadcast()
}

func cabledHouse(t *testing.T) (*house, *cable) {
	t.Helper()
	u, err := url.Parse(dbtest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newCable(t, u.Host)
	u.Host = w.ln.Addr().String()
	return newHouse(t, u.String()), w
}

// storm sends many messages at once and returns the slowest answer; every error must be a 503
// that may be tried again.
func storm(t *testing.T, h *house, chatID string, n int) (slowest time.Duration, stored int64) {
	t.Helper()
	var wg sync.WaitGroup
	var worst, good atomic.Int64
	for i := range n {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			began := time.Now()
			_, err := h.Send(ctx, asJohn, SendInput{ChatID: chatID, Text: fmt.Sprint(i)})
			for took := int64(time.Since(began)); ; {
				old := worst.Load()
				if took <= old || worst.CompareAndSwap(old, took) {
					break
				}
			}
			switch {
			case err == nil:
				good.Add(1)
			case !apperr.Describe(err).Retryable:
				t.Errorf("expected a 503 that may be tried again, got %v", err)
			}
		})
	}
	wg.Wait()
	return time.Duration(worst.Load()), good.Load()
}

// goodWithin sends until a message is stored, and returns its chat.
func goodWithin(t *testing.T, h *house, limit time.Duration) string {
	t.Helper()
	for deadline := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		if sent, err := h.Send(t.Context(), asJohn, ask("12345", "again")); err == nil {
			return sent.Chat.ID
		} else if time.Now().After(deadline) {
			t.Fatalf("no message was stored within %s after the database was back: %v", limit, err)
		}
	}
}

func TestADatabaseThatIsDownIsToldAtOnce(t *testing.T) {
	h, w := cabledHouse(t)
	chat := goodWithin(t, h, 5*time.Second)
	w.cut(true)
	slowest, stored := storm(t, h, chat, 2000)
	if stored != 0 || slowest > 2*time.Second {
		t.Errorf("%d were stored; the slowest answer took %s", stored, slowest)
	}
	w.cut(false)
	goodWithin(t, h, 3*time.Second)
}

func TestADatabaseThatHangsIsToldWithinFiveSeconds(t *testing.T) {
	h, w := cabledHouse(t)
	chat := goodWithin(t, h, 5*time.Second)
	w.freeze(true)
	slowest, stored := storm(t, h, chat, 500)
	if stored != 0 || slowest > 5500*time.Millisecond {
		t.Errorf("%d were stored; the slowest answer took %s", stored, slowest)
	}
	began := time.Now()
	storm(t, h, chat, 500)
	if took := time.Since(began); took > 2500*time.Millisecond {
		t.Errorf("once it is known, the slowest of 500 answers took %s", took)
	}
	w.freeze(false)
	goodWithin(t, h, 3*time.Second)
}
