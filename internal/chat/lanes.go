package chat

import (
	"hash/maphash"
	"runtime"
	"sync"

	"chaffer/internal/apperr"
)

const (
	laneQueue = 4096 // messages waiting in a lane; beyond it the service says 503
	busyLane  = 128  // messages waiting in a lane from which on it has transactions of its own
)

// lanes are the queues of what is to be stored. All messages of a chat go through one lane of a node,
// and a lane is in one transaction at a time, which keeps their order; between nodes the row lock on the
// chat does.
//
// Lanes with little to do share a transaction, and the next of this kind begins when it has ended: small
// ones side by side cost twice what one after the other do (2,000 a second: Postgres 400 and 200 µs a
// message), and one for each lane in turn lets a message wait for the other lanes' as well. A lane with
// much to do has its own, beside all others.
type lanes struct {
	all     []*lane
	seed    maphash.Seed
	wake    chan struct{} // something may be taken
	closing chan struct{}

	mu     sync.Mutex // guards what follows, and the lanes' waiting and taken
	shared bool       // the shared transaction is under way
	closed bool
}

type lane struct {
	waiting []*appendOp
	taken   bool // some of its messages are in a transaction; the next must not overtake them
	// decided is what has been decided, to be answered and published in order while the next is stored.
	decided chan []*appendOp
}

// taking is what goes into one transaction: whole runs of lanes, one after the other.
type taking struct {
	batch  []*appendOp
	parts  []part
	shared bool
}

type part struct {
	lane *lane
	ops  []*appendOp
}

func newLanes(count int) *lanes {
	ls := &lanes{seed: maphash.MakeSeed(), wake: make(chan struct{}, count), closing: make(chan struct{})}
	for range count {
		ls.all = append(ls.all, &lane{decided: make(chan []*appendOp, 4)})
	}
	return ls
}

// add queues a message, or returns Unavailable: the server is going, its lane is full, or the database
// is in doubt and another message of the lane is finding out whether it is back.
func (ls *lanes) add(op *appendOp, doubt bool) error {
	l := ls.all[maphash.String(ls.seed, op.lane())%uint64(len(ls.all))]
	ls.mu.Lock()
	defer ls.mu.Unlock()
	switch {
	case ls.closed:
		return apperr.New(apperr.Unavailable, "This server is shutting down, please reconnect and try again")
	case doubt && (l.taken || len(l.waiting) > 0):
		return errNoDatabase
	case len(l.waiting) >= laneQueue:
		return apperr.New(apperr.Unavailable, "The service is overloaded, please try again in a moment")
	}
	l.waiting = append(l.waiting, op)
	if ls.ready(l) {
		nudge(ls.wake)
	}
	return nil
}

// ready reports whether a worker may take of l now.
func (ls *lanes) ready(l *lane) bool {
	return !l.taken && len(l.waiting) > 0 && (len(l.waiting) >= busyLane || !ls.shared)
}

// next waits for something to store; nil after close, when nothing is left that no other worker comes to.
func (ls *lanes) next() *taking {
	for {
		if t := ls.take(); t != nil {
			return t
		}
		select {
		case <-ls.wake:
			runtime.Gosched() // everybody who is about to add something has a turn: larger batches, without a timer
		case <-ls.closing:
			return ls.take() // what was added before close
		}
	}
}

// take returns what may be stored now: a busy lane's messages, or those of all others; nil for nothing.
func (ls *lanes) take() *taking {
	ls.mu.Lock()
	defer ls.mu.Unlock()
	t := &taking{}
	for _, l := range ls.all {
		if !ls.ready(l) {
			continue
		}
		if len(l.waiting) >= busyLane {
			t = &taking{parts: []part{l.take()}}
			break
		}
		t.parts = append(t.parts, part{lane: l})
	}
	if len(t.parts) == 0 {
		return nil
	}
	if t.parts[0].ops == nil {
		ls.shared, t.shared = true, true
		for i := range t.parts {
			t.parts[i] = t.parts[i].lane.take()
		}
	}
	t.batch = t.parts[0].ops
	for _, p := range t.parts[1:] {
		t.batch = append(t.batch, p.ops...)
	}
	return t
}

// take empties the lane as far as one transaction goes.
func (l *lane) take() part {
	n := min(len(l.waiting), maxBatch)
	ops := l.waiting[:n:n]
	if l.waiting = l.waiting[n:]; len(l.waiting) == 0 {
		l.waiting = nil
	}
	l.taken = true
	return part{l, ops}
}

// release hands on what was decided and lets the lanes' next messages be taken. After a transaction that
// found no database, what has waited behind it is refused: to keep it would only answer the same later.
func (ls *lanes) release(t *taking, doubt bool) {
	for _, p := range t.parts {
		p.lane.decided <- p.ops
		if refused := ls.refuse(p.lane, doubt); len(refused) > 0 {
			p.lane.decided <- refused
		}
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	for _, p := range t.parts {
		p.lane.taken = false
	}
	if t.shared {
		ls.shared = false
	}
	for _, l := range ls.all {
		if ls.ready(l) {
			nudge(ls.wake)
		}
	}
}

func (ls *lanes) refuse(l *lane, doubt bool) []*appendOp {
	if !doubt {
		return nil
	}
	ls.mu.Lock()
	defer ls.mu.Unlock()
	refused := l.waiting
	l.waiting = nil
	for _, op := range refused {
		op.err = errNoDatabase
	}
	return refused
}

func (ls *lanes) close() {
	ls.mu.Lock()
	ls.closed = true
	ls.mu.Unlock()
	close(ls.closing)
}
