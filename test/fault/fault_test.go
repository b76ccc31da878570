// Package fault breaks a service of two nodes, again and again, and holds it to what it promises.
// DURATION (20s) is how long faults follow each other, SEED (drawn and printed) is which ones.
package fault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"chaffer/internal/models"
)

const (
	vendors            = 6
	customersPerVendor = 8
	quietBetween       = 1500 * time.Millisecond // of faults, at the longest
)

// run_ is one run: its world, its people and what went wrong.
type run_ struct {
	t       *testing.T
	seed    uint64
	world   *world
	ledger  *ledger
	devices []*device
	pairs   []pair

	mu       sync.Mutex
	failures map[int][]string // by invariant
	counts   map[string]int   // faults, by name
	stopAt   time.Time
}

// fail notes that an invariant was broken.
func (r *run_) fail(invariant int, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[invariant] = append(r.failures[invariant], fmt.Sprintf(format, args...))
}

func (r *run_) stopped() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopAt
}

func TestFaults(t *testing.T) {
	duration, err := time.ParseDuration(or("DURATION", "20s"))
	if err != nil {
		t.Fatalf("DURATION: %v", err)
	}
	seed, err := strconv.ParseUint(or("SEED", fmt.Sprint(time.Now().UnixNano()%1_000_000)), 10, 64)
	if err != nil {
		t.Fatalf("SEED: %v", err)
	}
	t.Logf("SEED=%d DURATION=%s", seed, duration)
	kinds := smoke
	if os.Getenv("DURATION") != "" {
		kinds = all
	}
	r := &run_{
		t: t, seed: seed, world: newWorld(t), ledger: &ledger{began: time.Now(), all: map[string]*entry{}},
		failures: map[int][]string{}, counts: map[string]int{},
	}
	r.cast()
	began := time.Now()
	stopDevices, stopWriters := make(chan struct{}), make(chan struct{})
	var staying, writing sync.WaitGroup
	for _, d := range r.devices {
		staying.Go(func() { d.stay(stopDevices) })
	}
	for i, d := range r.devices {
		if i%2 == 0 { // one device of each person writes
			writing.Go(func() { r.write(d, r.chatsOf(d.who), 150*time.Millisecond, stopWriters) })
		}
	}
	r.progress(20 * time.Second)
	before := r.sizes()
	positions := r.watchPositions()
	random := rand.New(rand.NewPCG(seed, 1))
	for i := 0; time.Since(began) < duration || i < len(kinds); i++ {
		k := kinds[i%len(kinds)]
		if i >= len(kinds) { // each once, then any
			k = kinds[random.IntN(len(kinds))]
		}
		at := time.Now()
		k.do(r, random)
		r.counts[k.name]++
		if testing.Verbose() {
			t.Logf("%6.1f s: %s, %.1f s", time.Since(began).Seconds(), k.name, time.Since(at).Seconds())
		}
		time.Sleep(span(random, quietBetween/2, quietBetween))
		if i%5 == 4 {
			r.progress(30 * time.Second)
		}
	}
	r.progress(30 * time.Second)
	r.mu.Lock()
	r.stopAt = time.Now()
	r.mu.Unlock()
	close(stopWriters)
	writing.Wait()
	close(stopDevices)
	staying.Wait()
	r.verify(positions(), before)
	r.report(time.Since(began))
}

func or(key, otherwise string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return otherwise
}

// cast makes the people: numbers that occur on both sides, two devices each, at home on different nodes.
func (r *run_) cast() {
	chats := map[models.UserRef]map[string]bool{}
	var people []models.UserRef
	know := func(u models.UserRef, chat string) {
		if chats[u] == nil {
			chats[u] = map[string]bool{}
			people = append(people, u)
		}
		chats[u][chat] = true
	}
	for v := 1; v <= vendors; v++ {
		for c := 1; c <= customersPerVendor; c++ {
			p := pair{
				customer: models.UserRef{Type: models.TypeCustomer, ID: strconv.Itoa((v-1)*customersPerVendor + c)},
				vendor:   models.UserRef{Type: models.TypeVendor, ID: strconv.Itoa(v)},
			}
			p.name = "p" + p.customer.ID + "v" + p.vendor.ID
			r.pairs = append(r.pairs, p)
			know(p.customer, p.name)
			know(p.vendor, p.name)
		}
	}
	for i, u := range people {
		for device_ := range 2 {
			r.devices = append(r.devices, &device{run: r, who: u, home: i + device_, chats: chats[u], got: map[string]map[int64]string{}, pushed: map[string]bool{}})
		}
	}
}

func (r *run_) chatsOf(u models.UserRef) (out []pair) {
	for _, p := range r.pairs {
		if p.customer == u || p.vendor == u {
			out = append(out, p)
		}
	}
	return out
}

// progress waits until acknowledgements come.
func (r *run_) progress(limit time.Duration) {
	r.t.Helper()
	_, now := r.ledger.size()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if _, acked := r.ledger.size(); acked > now+50 {
			return
		}
		if time.Now().After(deadline) {
			r.fail(17, "50 acknowledgements did not come within %s", limit)
			return
		}
	}
}
