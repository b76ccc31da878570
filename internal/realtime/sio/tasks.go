package sio

import (
	"context"
	"sync"
)

// tasks counts goroutines and requests, so that a shutdown can wait for them. Unlike a
// sync.WaitGroup it may be added to from zero while somebody waits.
type tasks struct {
	mu   sync.Mutex
	n    int
	zero chan struct{} // closed when n falls to zero; nil: nobody waits
}

func (t *tasks) add() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n++
}

func (t *tasks) done() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.n--
	if t.n == 0 && t.zero != nil {
		close(t.zero)
		t.zero = nil
	}
}

// run starts f in a goroutine that is waited for.
func (t *tasks) run(f func()) {
	t.add()
	go func() {
		defer t.done()
		f()
	}()
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
