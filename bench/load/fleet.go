package main

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
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

// assemble connects the users and opens each pair's chat.
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

// closedLoop keeps every user's window full until the time is over, then waits for what is still
// on its way.
func (f *fleet) closedLoop(ctx context.Context) (*report, error) {
	text := strings.Repeat("x", f.o.text)
	start := time.Now().Add(f.o.warmup)
	end := start.Add(f.o.duration)
	var counted, acked, delivered atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, len(f.users))
	for _, u := range f.users {
		peer := strconv.Itoa(u.id)
		fields := `"productId":"bench","recipientId":` + peer
		wg.Go(func() {
			for range f.o.window {
				if err := u.send(text, fields); err != nil {
					errs <- err
					return
				}
			}
			for {
				p, err := u.read()
				if err != nil {
					if time.Now().Before(end) {
						errs <- fmt.Errorf("%s %d: %w", u.kind, u.id, err)
					}
					return
				}
				before := u.tally
				done := u.take(p)
				acked.Add(int64(u.tally.acked - before.acked))
				delivered.Add(int64(u.tally.delivered - before.delivered))
				if !done {
					continue
				}
				now := time.Now()
				if now.After(start) && now.Before(end) {
					counted.Add(1)
				} else if now.Before(start) {
					u.tally.latency = u.tally.latency[:0]
				}
				if now.Before(end) {
					if err := u.send(text, fields); err != nil {
						errs <- err
						return
					}
				}
			}
		})
	}
	time.Sleep(time.Until(start))
	server, postgres := cpuOf(f.o.pid, false), cpuOf(f.o.pgPid, true)
	time.Sleep(time.Until(end))
	server, postgres = cpuOf(f.o.pid, false)-server, cpuOf(f.o.pgPid, true)-postgres
	f.settle(&acked, &delivered)
	f.close()
	wg.Wait()
	select {
	case err := <-errs:
		return nil, err
	default:
	}
	return f.report(counted.Load(), server, postgres), nil
}

// settle waits until everything acknowledged was delivered, or nothing has moved for two seconds.
func (f *fleet) settle(acked, delivered *atomic.Int64) {
	last, since := int64(-1), time.Now()
	for time.Since(since) < 2*time.Second {
		now := acked.Load() + delivered.Load()
		if now != last {
			last, since = now, time.Now()
		}
		time.Sleep(20 * time.Millisecond)
	}
}

type report struct {
	Users, Window                                                int
	SendsPerSecond                                               float64
	P50, P99, P999                                               float64 // milliseconds
	ServerCPU, PostgresCPU                                       float64 // microseconds a message; 0: not measured
	Sent, Acked, Delivered, Lost, Duplicates, Reordered, Refused int
}

func (f *fleet) report(counted int64, server, postgres time.Duration) *report {
	r := &report{Users: f.o.users, Window: f.o.window, SendsPerSecond: float64(counted) / f.o.duration.Seconds()}
	var all []time.Duration
	for _, u := range f.users {
		t := u.tally
		r.Sent, r.Acked, r.Delivered = r.Sent+t.sent, r.Acked+t.acked, r.Delivered+t.delivered
		r.Duplicates, r.Reordered, r.Refused = r.Duplicates+t.duplicates, r.Reordered+t.reordered, r.Refused+t.refused
		all = append(all, t.latency...)
	}
	r.Lost = r.Acked - r.Delivered
	slices.Sort(all)
	at := func(q float64) float64 {
		if len(all) == 0 {
			return 0
		}
		return float64(all[int(q*float64(len(all)-1))]) / 1e6
	}
	r.P50, r.P99, r.P999 = at(0.5), at(0.99), at(0.999)
	if counted > 0 {
		r.ServerCPU = float64(server.Microseconds()) / float64(counted)
		r.PostgresCPU = float64(postgres.Microseconds()) / float64(counted)
	}
	return r
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "users %d, window %d\n", r.Users, r.Window)
	fmt.Fprintf(w, "durable sends/s      %.0f\n", r.SendsPerSecond)
	fmt.Fprintf(w, "latency ms           p50 %.1f  p99 %.1f  p99.9 %.1f\n", r.P50, r.P99, r.P999)
	fmt.Fprintf(w, "CPU µs per message   server %.1f  postgres %.1f\n", r.ServerCPU, r.PostgresCPU)
	fmt.Fprintf(w, "acknowledged %d, delivered %d, lost %d, duplicates %d, reordered %d, refused %d\n",
		r.Acked, r.Delivered, r.Lost, r.Duplicates, r.Reordered, r.Refused)
}

// clockTick is the unit of the CPU times in /proc, 100 a second on every Linux Go runs on.
const clockTick = 10 * time.Millisecond

// cpuOf is the CPU time a process has used, with its children's when asked; 0 when it is not known.
func cpuOf(pid int, children bool) time.Duration {
	if pid == 0 {
		return 0
	}
	total := statTime(pid)
	if children {
		entries, _ := os.ReadDir("/proc")
		for _, e := range entries {
			if child, err := strconv.Atoi(e.Name()); err == nil && parentOf(child) == pid {
				total += statTime(child)
			}
		}
	}
	return total
}

func stat(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	_, rest, _ := strings.Cut(string(b), ") ") // the name before it may hold spaces
	return strings.Fields(rest)
}

func statTime(pid int) time.Duration {
	f := stat(pid)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * clockTick
}

func parentOf(pid int) int {
	f := stat(pid)
	if len(f) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(f[1])
	return parent
}
