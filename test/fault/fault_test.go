// Package fault breaks a service of two nodes, again and again, and holds it to what it promises.
// DURATION (20s) is how long faults follow each other, SEED (drawn and printed) is which ones,
// FAULTS (all) is the mix: all, each in its turn; kills, where nodes are killed every few seconds
// beside everything else; sqlite, one node with a SQLite file.
package fault

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/models"
)

const (
	vendors            = 6
	customersPerVendor = 8
	quietBetween       = 1500 * time.Millisecond // of faults, at the longest
	calm               = 3 * time.Second         // without faults, at the start
)

// mix is a way of breaking things.
type mix struct {
	name     string
	kinds    []kind        // one after the other: each once, then drawn
	killing  bool          // nodes are killed all the time, too
	inFlight int           // messages of one writer, at the most
	pause    time.Duration // of a writer between two rounds
}

func theMix(t *testing.T) mix {
	switch name := or("FAULTS", "all"); {
	case os.Getenv("DURATION") == "":
		return mix{"smoke", smoke, false, 4, 150 * time.Millisecond}
	case name == "all":
		return mix{name, slices.Concat(smoke, more), false, 6, 150 * time.Millisecond}
	case name == "kills":
		return mix{name, besideKills(), true, 16, 100 * time.Millisecond}
	case name == "sqlite":
		return mix{name, inSQLite, false, 4, 150 * time.Millisecond}
	default:
		t.Fatalf("FAULTS is %q: expected all, kills or sqlite", name)
		return mix{}
	}
}

// run_ is one run: its world, its people and what went wrong.
type run_ struct {
	t        *testing.T
	seed     uint64
	mix      mix
	world    *world
	ledger   *ledger
	people   int
	devices  []*device // two of each person, then the odd ones
	pairs    []pair
	doubling atomic.Bool // everything is sent twice
	synced   delays      // from the kill of a node until its client is back and has everything
	crippled delays      // the same where the database or the other node did not answer meanwhile
	live     delays

	mu       sync.Mutex
	failures map[int][]string // by invariant
	counts   map[string]int   // faults, by name
	causes   map[string]int   // of repeats and late messages: what and after which fault
	current  []string         // faults going on
	recent   string           // the last that ended
	ended    time.Time        // when it did
	whole    time.Time        // when the last fault ended that keeps clients waiting
	stopAt   time.Time
}

// fail notes that an invariant was broken.
func (r *run_) fail(invariant int, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures[invariant] = append(r.failures[invariant], fmt.Sprintf(format, args...))
}

func (r *run_) count(what, fault string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.causes[what+": "+fault]++
}

// counted counts a fault.
func (r *run_) counted(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name]++
}

// inflict does what goes wrong, and counts it.
func (r *run_) inflict(name string, do func()) {
	r.counted(name)
	r.during(name, do)
}

// during remembers that something goes wrong while do does it.
func (r *run_) during(name string, do func()) {
	r.mu.Lock()
	r.current = append(r.current, name)
	r.mu.Unlock()
	at := time.Now()
	do()
	r.mu.Lock()
	r.current = slices.DeleteFunc(r.current, func(other string) bool { return other == name })
	r.recent, r.ended = name, time.Now()
	if keepsWaiting(name) {
		r.whole = r.ended
	}
	r.mu.Unlock()
	if testing.Verbose() {
		r.t.Logf("%6.1f s: %s, %.1f s", time.Since(r.ledger.began).Seconds(), name, time.Since(at).Seconds())
	}
}

// blame is what goes wrong right now, or has just ended.
func (r *run_) blame() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case len(r.current) > 0:
		return strings.Join(r.current, " + ")
	case time.Since(r.ended) < 2*time.Second:
		return "after " + r.recent
	}
	return "nothing"
}

// keepsWaiting says that the fault of that name may keep a client waiting by itself, because the database or
// the node to which it turned does not answer.
func keepsWaiting(name string) bool {
	return strings.HasPrefix(name, "Postgres ") || strings.HasPrefix(name, "connections to Postgres") || strings.Contains(name, "lock") ||
		strings.HasPrefix(name, "node stopped")
}

// crippledSince reports whether such a fault went on at any moment since then.
func (r *run_) crippledSince(then time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.whole.After(then) || slices.ContainsFunc(r.current, keepsWaiting)
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
	m := theMix(t)
	t.Logf("SEED=%d DURATION=%s FAULTS=%s", seed, duration, m.name)
	r := newRun(t, m, seed)
	if m.name == "sqlite" {
		r.world = newSmallWorld(t)
	} else {
		r.world = newWorld(t, 2)
	}
	r.cast()
	if m.name == "all" {
		r.castOddly()
	}
	r.underLoad(func() {
		stop := func() {}
		if m.killing {
			stop = r.killing(rand.New(rand.NewPCG(seed, 2)))
		}
		r.breaking(duration)
		stop()
	})
}

func newRun(t *testing.T, m mix, seed uint64) *run_ {
	return &run_{
		t: t, seed: seed, mix: m, failures: map[int][]string{}, counts: map[string]int{}, causes: map[string]int{},
		ledger: &ledger{began: time.Now(), all: map[string]*entry{}},
	}
}

// underLoad lets everybody connect and write, calls during, ends it all, and checks what is left.
func (r *run_) underLoad(during func()) {
	stopDevices, stopWriters := make(chan struct{}), make(chan struct{})
	var staying, writing sync.WaitGroup
	for _, d := range r.devices {
		staying.Go(func() { d.stay(stopDevices) })
	}
	for i := 0; i < 2*r.people; i += 2 { // one device of each person writes
		w := newWriter(r, r.devices[i], r.devices[i+1])
		writing.Go(func() { w.write(stopWriters) })
	}
	r.progress(20 * time.Second)
	r.calm()
	before := r.sizes()
	positions := r.watchPositions()
	during()
	r.progress(30 * time.Second)
	r.mu.Lock()
	r.stopAt = time.Now()
	r.mu.Unlock()
	close(stopWriters)
	writing.Wait()
	close(stopDevices)
	staying.Wait()
	took := time.Since(r.ledger.began)
	r.verify(positions(), before)
	r.report(took)
}

// breaking lets the faults of the mix follow each other until duration is over.
func (r *run_) breaking(duration time.Duration) {
	began, random := time.Now(), rand.New(rand.NewPCG(r.seed, 1))
	kinds := r.mix.kinds
	for i := 0; time.Since(began) < duration || (i < len(kinds) && !r.mix.killing); i++ {
		k := kinds[i%len(kinds)]
		if i >= len(kinds) { // each once, then any
			k = kinds[random.IntN(len(kinds))]
		}
		r.inflict(k.name, func() { k.do(r, random) })
		time.Sleep(span(random, quietBetween/2, quietBetween))
		if i%5 == 4 {
			r.progress(30 * time.Second)
		}
	}
}

// calm looks at a stretch in which nothing goes wrong: nothing at all may be pushed twice.
func (r *run_) calm() {
	time.Sleep(calm)
	again, pushed := 0, 0
	for _, d := range r.devices {
		d.mu.Lock()
		again, pushed = again+d.again+d.behind, pushed+d.pushed
		d.mu.Unlock()
	}
	if again > 0 {
		r.fail(9, "%d of %d messages were pushed again before anything had gone wrong", again, pushed)
	}
}

func or(key, otherwise string) string {
	if v := os.Getenv(key); v != "" {
		return v
	}
	return otherwise
}

// cast makes the people: numbers that occur on both sides, two devices each, at home on different
// nodes. Half of them confirm what has arrived, the others leave it to heartbeats.
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
	r.people = len(people)
	for i, u := range people {
		for n := range 2 {
			r.devices = append(r.devices, &device{
				run: r, who: u, home: i + n, chats: chats[u], confirms: i%2 == 0, life: time.Hour, got: map[string]*line{},
			})
		}
	}
}

// progress waits until acknowledgements come.
func (r *run_) progress(limit time.Duration) {
	_, now := r.ledger.size()
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if _, acked := r.ledger.size(); acked > now+50 {
			return
		}
		if time.Now().After(deadline) {
			r.fail(17, "50 acknowledgements did not come within %s (%s)", limit, r.blame())
			return
		}
	}
}
