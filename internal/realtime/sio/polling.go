package sio

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// pollStall is how long a long-polling client over its budget may go without a poll.
const pollStall = time.Second

// separator stands between the packets of a long-polling body.
const separator = 0x1e

var (
	errOverlap   = errors.New("only one request of a kind at a time is allowed")
	errCancelled = errors.New("the poll was cancelled")
	errGone      = errors.New("the session has ended")
)

// polling is the long-polling transport: a queue that polls empty. The guard speaks HTTP, the
// library knows only that the transport exists and takes packets.
type polling struct {
	transports.Transport
	tasks *tasks

	mu       sync.Mutex
	full     func()
	queue    []Frame
	size     int       // bytes queued
	taken    time.Time // of the latest poll
	waiter   chan struct{}
	posting  bool
	closed   bool
	farewell byte // what the pending poll is told when the session ends under it
	drained  chan struct{}
}

func newPolling(ctx *types.HttpContext, tasks *tasks) *polling {
	t := &polling{Transport: transports.MakeTransport(), tasks: tasks, taken: time.Now(), farewell: '1'}
	t.Prototype(t)
	t.Construct(ctx)
	t.SetWritable(true)
	return t
}

func (*polling) Name() string { return transports.POLLING }

// OnRequest is the handshake: the guard answers it with what the library has queued when it returns.
func (t *polling) OnRequest(ctx *types.HttpContext) { ctx.Flush() }

// Send queues packets of the library.
func (t *polling) Send(packets []*packet.Packet) {
	for _, p := range packets {
		if p.Type == packet.NOOP && !t.waiting() {
			continue // meant to let a pending poll go, for an upgrade
		}
		if f, err := encode(p); err == nil {
			t.push(f)
		}
	}
	t.Emit("drain")
}

// DoClose answers the pending poll; what is queued stays, for it or for the transport after this one.
func (t *polling) DoClose(fn types.Callable) {
	t.end()
	if fn != nil {
		fn()
	}
}

// push queues a frame and wakes the pending poll.
func (t *polling) push(f Frame) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over() && t.full != nil {
		t.tasks.run(t.full)
		t.full = nil
	}
	t.queue = append(t.queue, f)
	t.size += f.Size()
	t.wake()
}

func (t *polling) over() bool {
	if t.size <= BudgetBytes && len(t.queue) < BudgetPackets {
		return false
	}
	return t.size > hardFactor*BudgetBytes || len(t.queue) >= hardFactor*BudgetPackets || time.Since(t.taken) > pollStall
}

// wait is outbound.wait.
func (t *polling) wait() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || (t.size < BudgetBytes/2 && len(t.queue) < BudgetPackets/2) {
		return nil
	}
	if t.drained == nil {
		t.drained = make(chan struct{})
	}
	return t.drained
}

func (t *polling) whenFull(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.full = f
}

// poll waits for packets and returns a body. A session that ends meanwhile returns a closing
// packet after whatever was queued.
func (t *polling) poll(ctx context.Context) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errGone
	}
	if t.waiter != nil {
		return nil, errOverlap
	}
	if len(t.queue) == 0 {
		waiter := make(chan struct{})
		t.waiter = waiter
		t.mu.Unlock()
		select {
		case <-waiter:
		case <-ctx.Done():
		}
		t.mu.Lock()
		t.waiter = nil
		if len(t.queue) == 0 && !t.closed {
			return nil, errCancelled
		}
	}
	body := t.take()
	if t.closed {
		if len(body) > 0 {
			body = append(body, separator)
		}
		body = append(body, t.farewell)
	}
	return body, nil
}

// take empties the queue into a body; the caller holds the lock.
func (t *polling) take() []byte {
	body := make([]byte, 0, t.size+len(t.queue)+2)
	for i, f := range t.queue {
		if i > 0 {
			body = append(body, separator)
		}
		body = append(body, f.ws[f.head:]...)
	}
	t.queue, t.size, t.taken = nil, 0, time.Now()
	if t.drained != nil {
		close(t.drained)
		t.drained = nil
	}
	return body
}

// move takes what is queued to another transport; a poll that is still pending ends.
func (t *polling) move(to *outbound) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, f := range t.queue {
		to.push(f)
	}
	t.queue, t.size = nil, 0
	t.farewell = '6'
	t.finish()
}

// beginPost takes the one place for a post, to be given back with endPost.
func (t *polling) beginPost() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.closed:
		return errGone
	case t.posting:
		return errOverlap
	}
	t.posting = true
	return nil
}

func (t *polling) endPost() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.posting = false
}

// leave is the client's closing packet.
func (t *polling) leave() {
	t.mu.Lock()
	t.farewell = '6'
	t.mu.Unlock()
	t.end()
	t.OnClose()
}

func (t *polling) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.finish()
}

func (t *polling) finish() {
	t.closed = true
	t.wake()
	if t.drained != nil {
		close(t.drained)
		t.drained = nil
	}
}

func (t *polling) waiting() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiter != nil && len(t.queue) == 0
}

// wake lets the pending poll go, once; the caller holds the lock.
func (t *polling) wake() {
	if t.waiter != nil {
		select {
		case <-t.waiter:
		default:
			close(t.waiter)
		}
	}
}
