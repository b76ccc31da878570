package sio

import (
	"bytes"
	"net"
	"sync"
	"time"
)

// Budget of what one connection may leave unread. Over it, a connection whose network has not
// taken a byte for stallTime is cut; over hardFactor times the budget it is cut at once.
const (
	BudgetBytes   = 256 << 10
	BudgetPackets = 512
	hardFactor    = 3
	stallTime     = 100 * time.Millisecond
	goodbyeTime   = time.Second // how long a closing connection may take to read what is queued
	coalesceBytes = 16 << 10    // frames below it are copied into one write
)

// closeFrame is a WebSocket close with status 1000 (RFC 6455, 7.4.1).
var closeFrame = Frame{ws: []byte{0x88, 2, 0x03, 0xE8}, head: 2}

// outbound is the queue of one WebSocket. push never blocks; a goroutine exists only while there
// is something to write, and writes all that waits in one call.
type outbound struct {
	conn  net.Conn
	tasks *tasks

	mu      sync.Mutex
	full    func()
	queue   [][]byte
	size    int // bytes queued and being written
	packets int
	since   time.Time // when the write under way began; zero: none
	writing bool
	closing bool // no more frames are taken
	broken  bool // nothing more is written
	cut     bool
	drained chan struct{} // closed when the queue falls below half the budget; nil: nobody waits
}

func newOutbound(conn net.Conn, tasks *tasks) *outbound { return &outbound{conn: conn, tasks: tasks} }

// whenFull sets what is called, once and from a new goroutine, when the budget is exceeded.
func (o *outbound) whenFull(f func()) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.full = f
}

// push queues a frame.
func (o *outbound) push(f Frame) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing || o.broken {
		return
	}
	if o.over() && !o.cut && o.full != nil {
		o.cut = true
		o.tasks.run(o.full)
	}
	if o.cut {
		return
	}
	o.append(f)
}

// finish queues the closing frame; when it is written, or after goodbyeTime, no more is. The
// reader closes the connection once the client has answered, or after goodbyeTime too.
func (o *outbound) finish() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closing || o.broken {
		return
	}
	_ = o.conn.SetDeadline(time.Now().Add(goodbyeTime))
	o.append(closeFrame)
	o.closing = true
}

// stop drops what is queued.
func (o *outbound) stop() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.broken = true
	o.queue = nil
	o.release()
}

// wait returns a channel that is closed when less than half the budget is unread; nil when that is so.
func (o *outbound) wait() <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.broken || o.closing || o.relaxed() {
		return nil
	}
	if o.drained == nil {
		o.drained = make(chan struct{})
	}
	return o.drained
}

func (o *outbound) relaxed() bool { return o.size < BudgetBytes/2 && o.packets < BudgetPackets/2 }

// over judges what was unread before the next frame, so one large frame alone never cuts.
func (o *outbound) over() bool {
	if o.size <= BudgetBytes && o.packets < BudgetPackets {
		return false
	}
	if o.size > hardFactor*BudgetBytes || o.packets >= hardFactor*BudgetPackets {
		return true
	}
	return !o.since.IsZero() && time.Since(o.since) > stallTime
}

func (o *outbound) append(f Frame) {
	o.queue = append(o.queue, f.ws)
	o.size += len(f.ws)
	o.packets++
	if !o.writing {
		o.writing = true
		o.tasks.run(o.write)
	}
}

// write empties the queue; it runs in its own goroutine, one at a time.
func (o *outbound) write() {
	var spare [][]byte
	for {
		o.mu.Lock()
		if len(o.queue) == 0 || o.broken {
			o.writing = false
			o.since = time.Time{}
			last := o.closing
			o.mu.Unlock()
			if last {
				o.shut()
			}
			return
		}
		batch, size := o.queue, 0
		o.queue = spare[:0]
		for _, b := range batch {
			size += len(b)
		}
		o.since = time.Now()
		o.mu.Unlock()

		err := o.writeAll(batch, size)

		o.mu.Lock()
		o.size -= size
		o.packets -= len(batch)
		if err != nil {
			o.broken = true
			o.queue = nil
		}
		if o.broken || o.relaxed() {
			o.release()
		}
		o.mu.Unlock()
		if err != nil {
			_ = o.conn.Close() // the reader sees it and ends the session
		}
		clear(batch)
		spare = batch
	}
}

func (o *outbound) writeAll(batch [][]byte, size int) error {
	if len(batch) == 1 {
		_, err := o.conn.Write(batch[0])
		return err
	}
	if size <= coalesceBytes {
		b := buffers.Get().(*bytes.Buffer)
		b.Reset()
		for _, f := range batch {
			_, _ = b.Write(f)
		}
		_, err := o.conn.Write(b.Bytes())
		recycle(b)
		return err
	}
	v := net.Buffers(append([][]byte(nil), batch...))
	_, err := v.WriteTo(o.conn)
	return err
}

// shut ends this side's half, so that the client still reads what was written.
func (o *outbound) shut() {
	if half, ok := o.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
		return
	}
	_ = o.conn.Close()
}

func (o *outbound) release() {
	if o.drained != nil {
		close(o.drained)
		o.drained = nil
	}
}
