package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"slices"
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

// kinds of users; they alternate.
var kinds = [2]string{"customer", "vendor"}

type fleet struct {
	o     options
	users []*user
	more  []*user // their other devices
}

// others is how many connections a message goes to: all of both sides but the one that sent it.
func (f *fleet) others() int { return f.o.devices[0] + f.o.devices[1] - 1 }

// assemble connects the users and their other devices.
func assemble(ctx context.Context, o options) (*fleet, error) {
	f := &fleet{o: o, users: make([]*user, o.users)}
	var mu sync.Mutex // guards more
	var failed atomic.Pointer[error]
	var wg sync.WaitGroup
	gate := make(chan struct{}, 32)
	for i := range o.users {
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			for device := range o.devices[i%2] {
				u, err := connect(ctx, o, kinds[i%2], 100_000+i/2)
				if err != nil {
					failed.Store(&err)
					return
				}
				if device == 0 {
					f.users[i] = u
					continue
				}
				mu.Lock()
				f.more = append(f.more, u)
				mu.Unlock()
			}
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
	for _, u := range append(slices.Clone(f.users), f.more...) {
		if u != nil {
			_ = u.ws.Close()
		}
	}
}

// settle waits until everything acknowledged was delivered, or nothing has moved for two seconds.
func (f *fleet) settle(c *counters) {
	last, since := int64(-1), time.Now()
	for time.Since(since) < 2*time.Second {
		sent, acked, delivered := c.sent.Load(), c.acked.Load(), c.delivered.Load()
		if sent == acked && acked*int64(f.others()) == delivered {
			return
		}
		if now := acked + delivered; now != last {
			last, since = now, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
}
