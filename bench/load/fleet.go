package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"
)

// runTag keeps the keys of one run apart from those of the runs before.
var runTag = func() string {
	b := make([]byte, 4)
	_, _ = rand.Read(b)
	return "-" + hex.EncodeToString(b)
}()

type fleet struct {
	o     options
	users []*user
}

// assemble connects the users.
func assemble(ctx context.Context, o options) (*fleet, error) {
	f := &fleet{o: o, users: make([]*user, o.users)}
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	gate := make(chan struct{}, 32)
	for i := range o.users {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			kind := "customer"
			if i%2 == 1 {
				kind = "vendor"
			}
			u, err := connect(ctx, o, kind, 100_000+i/2)
			if err != nil {
				failed.Store(&err)
				return
			}
			f.users[i] = u
		})
	}
	wg.Wait()
	if err := failed.Load(); err != nil {
		f.close()
		return nil, *err
	}
	return f, nil
}

func (f *fleet) close() {
	for _, u := range f.users {
		if u != nil {
			_ = u.ws.Close()
		}
	}
}

// settle waits until everything acknowledged was delivered, or nothing has moved for two seconds.
func settle(c *counters) {
	last, since := int64(-1), time.Now()
	for time.Since(since) < 2*time.Second {
		sent, acked, delivered := c.sent.Load(), c.acked.Load(), c.delivered.Load()
		if sent == acked && acked == delivered {
			return
		}
		if now := acked + delivered; now != last {
			last, since = now, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
}
