package sio

import (
	"bytes"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
)

// Frames of every header length are read back by another implementation of RFC 6455.
func TestFrameHeaders(t *testing.T) {
	for _, n := range []int{0, 1, 60, 100, 124, 125, 126, 127, 1000, 65530, 65536, 70000, 200000} {
		text := strings.Repeat("x", n)
		f, err := NewEvent("/chat", "e", text)
		if err != nil {
			t.Fatal(err)
		}
		server, client := net.Pipe()
		go func() { _, _ = server.Write(f.ws) }()
		c := websocketOver(client)
		_, b, err := c.ReadMessage()
		want := `42/chat,["e","` + text + `"]`
		if err != nil || string(b) != want || f.Size() != len(want) || string(f.Text()) != want[1:] {
			t.Errorf("%d: %v, %d bytes, size %d, want %d", n, err, len(b), f.Size(), len(want))
		}
		_ = server.Close()
		_ = client.Close()
	}
	if got := string(NewAck("/", 7, []byte(`{}`)).Text()); got != `37[{}]` {
		t.Errorf("acknowledgement %s", got)
	}
	if got := string(newConnectError("/x", "No").Text()); got != `4/x,{"message":"No"}` {
		t.Errorf("refusal %s", got)
	}
}

// websocketOver reads frames from a connection without a handshake.
func websocketOver(c net.Conn) *websocket.Conn {
	// The client's half of a handshake over a connection that answers by itself.
	d := websocket.Dialer{NetDial: func(string, string) (net.Conn, error) { return &answering{Conn: c}, nil }}
	ws, _, err := d.Dial("ws://x/", nil)
	if err != nil {
		panic(err)
	}
	return ws
}

type answering struct {
	net.Conn
	answer bytes.Buffer
	done   bool
}

func (a *answering) Write(b []byte) (int, error) {
	if !a.done {
		key := b[bytes.Index(b, []byte("Sec-WebSocket-Key: "))+19:]
		key = key[:bytes.IndexByte(key, '\r')]
		a.answer.WriteString("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " + accept(string(key)) + "\r\n\r\n")
		a.done = true
	}
	return len(b), nil
}

func (a *answering) Read(b []byte) (int, error) {
	if a.answer.Len() > 0 {
		return a.answer.Read(b)
	}
	return a.Conn.Read(b)
}

// stuck is a network that takes nothing until it is freed.
type stuck struct {
	net.Conn
	free  chan struct{}
	calls atomic.Int32
	bytes atomic.Int64
}

func (s *stuck) Write(b []byte) (int, error) {
	s.calls.Add(1)
	<-s.free
	s.bytes.Add(int64(len(b)))
	return len(b), nil
}
func (*stuck) SetDeadline(time.Time) error      { return nil }
func (*stuck) SetWriteDeadline(time.Time) error { return nil }
func (*stuck) Close() error                     { return nil }

func TestOutboundBudget(t *testing.T) {
	small, _ := NewEvent("/chat", "e", "x")
	large, _ := NewEvent("/chat", "e", strings.Repeat("x", 100<<10))
	for name, c := range map[string]struct {
		frame Frame
		pause time.Duration // before the budget is used up
		count int
		cut   bool
	}{
		"a burst of packets within the budget": {small, 0, BudgetPackets, false},
		"a burst over the budget":              {small, 0, BudgetPackets + 100, false},
		"a burst far over the budget":          {small, 0, hardFactor*BudgetPackets + 2, true},
		"a stalled network, packets":           {small, stallTime * 2, BudgetPackets + 2, true},
		"a stalled network within the budget":  {small, stallTime * 2, BudgetPackets - 2, false},
		"a stalled network, bytes":             {large, stallTime * 2, 5, true},
		"large frames in a burst":              {large, 0, 6, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var cut atomic.Int32
				conn, work := &stuck{free: make(chan struct{})}, &tasks{}
				defer work.end()
				o := newOutbound(conn, work)
				o.whenFull(func() { cut.Add(1); o.stop() })
				o.push(c.frame)
				synctest.Wait()
				time.Sleep(c.pause)
				for range c.count - 1 {
					o.push(c.frame)
				}
				synctest.Wait()
				if got := cut.Load() == 1; got != c.cut || cut.Load() > 1 {
					t.Errorf("cut %d times", cut.Load())
				}
				waiting := o.wait()
				if !c.cut && c.count >= BudgetPackets/2 && waiting == nil {
					t.Error("nothing to wait for")
				}
				close(conn.free)
				synctest.Wait()
				if waiting != nil {
					<-waiting
				}
				if !c.cut && (conn.bytes.Load() != int64(c.count*len(c.frame.ws)) || o.wait() != nil) {
					t.Errorf("%d bytes were written", conn.bytes.Load())
				}
			})
		})
	}
}

// What waits is written together.
func TestOutboundCoalesces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, work := &stuck{free: make(chan struct{})}, &tasks{}
		defer work.end()
		o := newOutbound(conn, work)
		f, _ := NewEvent("/chat", "e", "x")
		o.push(f)
		synctest.Wait()
		for range 50 {
			o.push(f)
		}
		close(conn.free)
		synctest.Wait()
		if got := conn.calls.Load(); got != 2 {
			t.Errorf("%d writes for 51 frames", got)
		}
	})
}

func TestBucket(t *testing.T) {
	now := time.Unix(1000, 0)
	b := newBucket(50)
	for i := range 100 {
		if wait, ok := b.take(now); wait != 0 || !ok {
			t.Fatalf("packet %d of the burst waits %s", i, wait)
		}
	}
	if wait, ok := b.take(now); wait != 20*time.Millisecond || !ok {
		t.Fatalf("the next waits %s", wait)
	}
	cut := time.Duration(0)
	for at := now; cut == 0; {
		wait, ok := b.take(at)
		if !ok {
			cut = at.Sub(now)
		}
		at = at.Add(wait + 7*time.Millisecond) // a timer that is late
	}
	if cut < floodTime || cut > floodTime+time.Second {
		t.Errorf("cut after %s", cut)
	}
	b = newBucket(50)
	for range 150 {
		b.take(now)
	}
	if wait, ok := b.take(now.Add(10 * time.Second)); wait != 0 || !ok {
		t.Errorf("after a rest it waits %s", wait)
	}
	if off := newBucket(0); off.rate != 0 {
		t.Error("0 is not off")
	}
}

func TestNetwork(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.1": "10.0.0.1", "::ffff:10.0.0.1": "::ffff:10.0.0.1", "2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"fe80::1%eth0": "fe80::/64", "not an address": "not an address", "": "",
	} {
		if got := network(in); got != want {
			t.Errorf("%s: %s, want %s", in, got, want)
		}
	}
}

func TestAddressesAreForgotten(t *testing.T) {
	a := newAddresses(Config{ConnectsPerMinutePerIP: 10})
	now := time.Unix(6000, 0)
	a.admit("10.0.0.1", now)
	a.admit("10.0.0.2", now)
	a.release("10.0.0.1")
	a.sweep(now)
	if len(a.m) != 2 {
		t.Error("counts of this minute were dropped")
	}
	a.sweep(now.Add(time.Minute))
	if len(a.m) != 1 || a.m["10.0.0.2"].open != 1 {
		t.Errorf("left: %v", a.m)
	}
}
