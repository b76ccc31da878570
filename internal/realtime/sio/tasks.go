package sio

import (
	"context"
	"sync"
)

// maxParked is how many goroutines wait for work at most. Most tasks are short and come in bursts;
// a goroutine that has run one has the stack for the next, which a new one would grow again.
const maxParked = 32

// tasks counts goroutines and requests, so that a shutdown can wait for them. Unlike a
// sync.WaitGroup it may be added to from zero while somebody waits.
type tasks struct {
	mu     sync.Mutex
	n      int
	zero   chan struct{} // closed when n falls to zero; nil: nobody waits
	parked []chan func() // goroutines that wait for work, the latest last
	ended  bool
}

func (t *tasks) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.less()
}

// less counts one out; the caller holds the lock.
func (t *tasks) less() {
	t.n--
	if t.n == 0 && t.zero != nil {
		close(t.zero)
		t.zero = nil
	}
}

// run starts f in a goroutine that is waited for.
func (t *tasks) run(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
	if last := len(t.parked) - 1; last >= 0 {
		w := t.parked[last]
		t.parked = t.parked[:last]
		w <- f // there is room: a parked goroutine has nothing
		return
	}
	go t.work(f)
}

// work runs f and then what comes, until enough others are parked.
func (t *tasks) work(f func()) {
	next := make(chan func(), 1)
	for f != nil {
		t.one(f)
		t.mu.Lock()
		if t.ended || len(t.parked) >= maxParked {
			t.mu.Unlock()
			return
		}
		t.parked = append(t.parked, next)
		t.mu.Unlock()
		f = <-next
	}
}

// one runs f and counts it out, also when it panics.
func (t *tasks) one(f func()) {
	defer t.done()
	f()
}

// end lets the parked goroutines go; tasks still run afterwards, each in its own.
func (t *tasks) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for _, w := range t.parked {
		close(w)
	}
	t.parked = nil
}

// wait returns when nothing runs, or with the context's error.
func (t *tasks) wait(ctx context.Context) error {
	for {
		t.mu.Lock()
		if t.n == 0 {
			t.mu.Unlock()
			return nil
		}
		if t.zero == nil {
			t.zero = make(chan struct{})
		}
		zero := t.zero
		t.mu.Unlock()
		select {
		case <-zero:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
