package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// counters are what all readers of a run count together.
type counters struct{ sent, acked, delivered atomic.Int64 }

// closedLoop keeps every user's window full until the time is over, then waits for what is still
// on its way.
func (f *fleet) closedLoop() (*report, error) {
	return f.loop(func(m *measured) error {
		for _, u := range f.users {
			for range f.o.window {
				m.sent.Add(1)
				if err := u.send(m.text, time.Now()); err != nil {
					return err
				}
			}
		}
		time.Sleep(time.Until(m.end))
		return nil
	}, true)
}

// openLoop sends at f.o.rate messages a second, whatever comes back. A message's latency counts
// from when it was due, so a server that stalls is not spared.
func (f *fleet) openLoop() (*report, error) {
	return f.loop(func(m *measured) error {
		begin := time.Now()
		for n := 0; ; n++ {
			due := begin.Add(time.Duration(n) * time.Second / time.Duration(f.o.rate))
			if due.After(m.end) {
				return nil
			}
			if wait := time.Until(due); wait > 0 {
				time.Sleep(wait)
			}
			m.sent.Add(1)
			if err := f.users[n%len(f.users)].send(m.text, due); err != nil {
				return err
			}
		}
	}, false)
}

// measured is one run of a loop: what is counted lies between start and end.
type measured struct {
	*counters
	text       string
	start, end time.Time
}

// loop runs drive beside one reader a user; again: each acknowledgement is followed by a new send.
func (f *fleet) loop(drive func(*measured) error, again bool) (*report, error) {
	start := time.Now().Add(f.o.warmup)
	m := &measured{counters: &counters{}, text: strings.Repeat("x", max(0, f.o.text-19)), start: start, end: start.Add(f.o.duration)}
	all := append(slices.Clone(f.users), f.more...)
	latencies := make([][]time.Duration, len(all))
	errs := make(chan error, len(all)+1)
	var wg, driving sync.WaitGroup
	for i, u := range all {
		wg.Go(func() {
			var err error
			latencies[i], err = f.follow(u, m, again && i < len(f.users))
			if err != nil {
				errs <- fmt.Errorf("%s %d: %w", u.kind, u.id, err)
			}
		})
	}
	driving.Go(func() {
		if err := drive(m); err != nil {
			errs <- err
		}
	})
	time.Sleep(time.Until(m.start))
	use := f.usage()
	time.Sleep(time.Until(m.end))
	use = f.usage().since(use)
	driving.Wait()
	f.settle(m.counters)
	f.close()
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	r := newReport(f.o, latencies, use)
	var transit []time.Duration
	for _, u := range all {
		r.add(u.tally)
		transit = append(transit, u.tally.transit...)
	}
	slices.Sort(transit)
	r.TransitP50, r.TransitP99 = quantile(transit, 0.5), quantile(transit, 0.99)
	r.Sent, r.Lost = int(m.sent.Load()), r.Acked*f.others()-r.Delivered
	return r, nil
}

// follow reads what comes for one user until its connection is closed.
func (f *fleet) follow(u *user, m *measured, again bool) ([]time.Duration, error) {
	var latencies []time.Duration
	for {
		p, err := u.read()
		if err != nil {
			if time.Now().Before(m.end) {
				return nil, err
			}
			return latencies, nil
		}
		now, acked, delivered := time.Now(), u.tally.acked, u.tally.delivered
		due, done := u.take(p, now)
		m.acked.Add(int64(u.tally.acked - acked))
		m.delivered.Add(int64(u.tally.delivered - delivered))
		if !done {
			continue
		}
		if now.After(m.start) && now.Before(m.end) {
			latencies = append(latencies, now.Sub(due))
		}
		if again && now.Before(m.end) {
			m.sent.Add(1)
			if err := u.send(m.text, now); err != nil {
				return nil, err
			}
		}
	}
}

// connectStorm connects f.o.connects users, f.o.window at once, and lets each go as soon as it
// has everything that connecting brings.
func connectStorm(ctx context.Context, o options) (*report, error) {
	f := &fleet{o: o}
	var failed atomic.Int64
	var first atomic.Pointer[error]
	latencies := make([][]time.Duration, o.window)
	var next atomic.Int64
	var wg sync.WaitGroup
	began, use := time.Now(), f.usage()
	for w := range o.window {
		wg.Go(func() {
			for {
				n := int(next.Add(1)) - 1
				if n >= o.connects {
					return
				}
				at := time.Now()
				u, err := connect(ctx, o, kinds[n%2], 100_000+n/2%5000)
				if err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, &err)
					continue
				}
				latencies[w] = append(latencies[w], time.Since(at))
				_ = u.ws.Close()
			}
		})
	}
	wg.Wait()
	o.duration = time.Since(began)
	r := newReport(o, latencies, f.usage().since(use))
	r.Sent, r.Acked, r.Lost = o.connects, o.connects-int(failed.Load()), int(failed.Load())
	if err := first.Load(); err != nil {
		r.FirstError = (*err).Error()
	}
	return r, nil
}

// idle connects f.o.users, waits, and says what each costs the server.
func (f *fleet) idle(before int64) *report {
	time.Sleep(f.o.duration)
	r := &report{Users: len(f.users), Acked: len(f.users)}
	r.IdleKB = float64(residentOf(f.o.pids)-before) / 1024 / float64(len(f.users))
	f.close()
	return r
}
