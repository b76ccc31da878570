package fault

import (
	"database/sql"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"chaffer/internal/redis/redistest"
)

// world is everything that runs.
type world struct {
	t     *testing.T
	db    *database         // nil: SQLite
	file  string            // of SQLite
	redis *redistest.Server // nil with SQLite: one node
	nodes []*node
}

// newSmallWorld is one node with a SQLite file, in a folder that outlives it.
func newSmallWorld(t *testing.T) *world {
	w := &world{t: t, file: filepath.Join(t.TempDir(), "chaffer.db")}
	w.nodes = append(w.nodes, newNode(t, "the node", "sqlite://"+w.file, nil))
	return w
}

// open connects to the database past the nodes' way; the caller closes it.
func (w *world) open() (*sql.DB, error) {
	if w.db != nil {
		return sql.Open("pgx", w.db.direct)
	}
	return sql.Open("sqlite", "file:"+w.file)
}

func newWorld(t *testing.T, nodes int, extra ...string) *world {
	w := &world{t: t, db: newDatabase(t), redis: redistest.Start(t)}
	for range nodes {
		w.add(extra...)
	}
	return w
}

// add starts one more node with a Redis cable of its own.
func (w *world) add(extra ...string) *node {
	u, err := url.Parse(w.redis.URL)
	if err != nil {
		w.t.Fatal(err)
	}
	n := newNode(w.t, "node "+strconv.Itoa(len(w.nodes)+1), w.db.through, newCable(w.t, u.Host), extra...)
	w.nodes = append(w.nodes, n)
	return n
}

// killNode kills a node from outside, and starts it again.
func (r *run_) killNode(i int, random *rand.Rand) {
	n := r.world.nodes[i]
	n.life.Lock()
	defer n.life.Unlock()
	r.must(n.end(syscall.SIGKILL))
	time.Sleep(span(random, 0, time.Second))
	r.must(n.start())
}

// killAtPoint lets a node kill itself in the middle of something, and starts it again. It returns
// what has happened.
func (r *run_) killAtPoint(i int, random *rand.Rand) string {
	n := r.world.nodes[i]
	n.life.Lock()
	defer n.life.Unlock()
	point, err := n.endAtPoint(func(point string) {
		if point == "in-flush" { // those who come back get a backlog
			time.Sleep(100 * time.Millisecond)
			for _, d := range r.devices {
				d.drop()
			}
		}
	})
	r.must(err)
	time.Sleep(span(random, 0, 300*time.Millisecond))
	r.must(n.start())
	if point == "" {
		return "node killed"
	}
	return "node killed " + point
}

// killing kills one node after the other, every two or three seconds, half of them at a named
// point, until what it returns is called.
func (r *run_) killing(random *rand.Rand) (stop func()) {
	end, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; ; i++ {
			select {
			case <-end:
				return
			case <-time.After(span(random, 1200*time.Millisecond, 2*time.Second)):
			}
			at := i % len(r.world.nodes)
			if random.IntN(2) == 0 {
				r.inflict("node killed", func() { r.killNode(at, random) })
				continue
			}
			what := ""
			r.during("node killed at a point", func() { what = r.killAtPoint(at, random) })
			r.counted(what)
		}
	}()
	return func() { close(end); <-done }
}

// must notes what the harness itself could not do.
func (r *run_) must(err error) {
	if err != nil {
		r.fail(18, "%v", err)
	}
}
