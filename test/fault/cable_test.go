package fault

import (
	"net"
	"sync"
	"testing"
	"time"
)

// cable is a TCP proxy that can be cut, frozen with its connections open, and made slow.
type cable struct {
	ln     net.Listener
	target string
	wg     sync.WaitGroup

	mu     sync.Mutex
	change sync.Cond
	down   bool
	frozen bool
	delay  time.Duration // of each piece, each way
	open   map[net.Conn]struct{}
}

func newCable(t *testing.T, target string) *cable {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &cable{ln: ln, target: target, open: map[net.Conn]struct{}{}}
	c.change.L = &c.mu
	c.wg.Go(c.accept)
	t.Cleanup(func() {
		ln.Close()
		c.set(func() { c.down, c.frozen = true, false })
		c.wg.Wait()
	})
	return c
}

func (c *cable) address() string { return c.ln.Addr().String() }

// set changes the state; a cable that is down has no connections.
func (c *cable) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	if c.down {
		for conn := range c.open {
			conn.Close()
		}
		clear(c.open)
	}
	c.change.Broadcast()
}

func (c *cable) accept() {
	for {
		in, err := c.ln.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", c.target)
		c.mu.Lock()
		if err != nil || c.down {
			in.Close()
			if out != nil {
				out.Close()
			}
		} else {
			c.open[in], c.open[out] = struct{}{}, struct{}{}
			c.wg.Go(func() { c.pump(in, out) })
			c.wg.Go(func() { c.pump(out, in) })
		}
		c.mu.Unlock()
	}
}

func (c *cable) pump(to, from net.Conn) {
	defer func() {
		to.Close()
		from.Close()
		c.mu.Lock()
		delete(c.open, from)
		c.mu.Unlock()
	}()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		c.mu.Lock()
		for c.frozen {
			c.change.Wait()
		}
		delay := c.delay
		c.mu.Unlock()
		time.Sleep(delay)
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
