package fault

import (
	"net"
	"sync"
	"testing"
	"time"
)

// cable is a TCP proxy that can be cut, reset, frozen with its connections open, made slow and narrow.
type cable struct {
	ln     net.Listener
	target string
	wg     sync.WaitGroup

	mu     sync.Mutex
	change sync.Cond
	down   bool
	frozen bool          // a black hole: everything is taken and nothing arrives
	delay  time.Duration // of everything, each way
	rate   int           // bytes a second, each way; 0: any
	open   map[net.Conn]struct{}
}

// inCable is how many pieces are under way in one direction before the sender has to wait.
const inCable = 64

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
		c.set(func() { c.down, c.frozen, c.delay, c.rate = true, false, 0, 0 })
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
		c.hangUp()
	}
	c.change.Broadcast()
}

// reset ends every connection with a RST to both sides.
func (c *cable) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for conn := range c.open {
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
	c.hangUp()
}

func (c *cable) hangUp() {
	for conn := range c.open {
		conn.Close()
	}
	clear(c.open)
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

// piece is what was read at once.
type piece struct {
	bytes []byte
	due   time.Time
}

func (c *cable) pump(to, from net.Conn) {
	under := make(chan piece, inCable)
	c.wg.Go(func() { c.deliver(to, from, under) })
	defer close(under)
	for {
		buffer := make([]byte, 4<<10)
		n, err := from.Read(buffer)
		if n > 0 {
			c.mu.Lock()
			delay := c.delay
			c.mu.Unlock()
			under <- piece{buffer[:n], time.Now().Add(delay)}
		}
		if err != nil {
			return
		}
	}
}

// deliver writes what comes out of the cable; after a failure it only takes.
func (c *cable) deliver(to, from net.Conn, under chan piece) {
	broken := false
	for p := range under {
		if broken {
			continue
		}
		time.Sleep(time.Until(p.due))
		c.mu.Lock()
		for c.frozen {
			c.change.Wait()
		}
		rate := c.rate
		c.mu.Unlock()
		if rate > 0 {
			time.Sleep(time.Duration(len(p.bytes)) * time.Second / time.Duration(rate))
		}
		if _, err := to.Write(p.bytes); err != nil {
			broken = true
			from.Close()
		}
	}
	to.Close()
	from.Close()
	c.mu.Lock()
	delete(c.open, from)
	c.mu.Unlock()
}
