package security

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/realtime/siotest"
)

// attack is one row: what is tried, and what was seen.
type attack struct {
	number   string
	name     string
	settings map[string]string // of a node of its own; nil: the common one
	writes   bool              // the row adds rows of its own on purpose
	frames   bool              // it is about WebSocket itself: nothing of it exists over long-polling
	rest     bool              // it opens no socket
	breaks   bool              // it makes the node fail, which the log may say then
	once     bool              // it takes long, and neither the database nor the way of sending matters to it: SQLite and WebSocket alone
	slow     bool              // it mostly waits: it runs beside the others, and must have a node of its own
	run      func(s *site) string
}

func table() []attack {
	return slices.Concat(tokenRows, keyRows, connectionRows, authorisationRows, inputRows, nameRows, failureRows, uploadRows,
		abuseRows, loadRows, sessionRows, pollingRows, boundRows, patienceRows, pictureRows, erasureRows)
}

// pass is one way to run the whole table.
type pass struct {
	name, column string
	database     func(tb testing.TB) string // the URL of an empty one
	socket       []siotest.Option           // how a socket is opened
}

// TestAttacks runs every row over WebSocket on both databases, and those with sockets over long-polling;
// beside them, attacks on a process of its own, to see what they leave there. Besides what a row asserts:
// the node lives, nothing was stored that should not have been, nothing failed inside, and no secret is in
// the log.
func TestAttacks(t *testing.T) {
	t.Run("process", func(t *testing.T) {
		t.Parallel()
		attackProcess(t)
	})
	for _, p := range []pass{
		{"sqlite", onSQLite, dbtest.SQLite, nil},
		{"postgres", onPostgres, dbtest.Postgres, nil},
		{"polling", overPolling, dbtest.SQLite, []siotest.Option{siotest.OverPolling()}},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			common := start(t, p.database(t), nil)
			var beside sync.WaitGroup
			defer beside.Wait()
			for _, a := range table() {
				if a.slow && !(p.column == overPolling && a.frames) && !(a.once && p.name != "sqlite") {
					beside.Go(func() { t.Run(a.number, func(t *testing.T) { a.try(t, p, common) }) })
				}
			}
			for _, a := range table() {
				if p.column == overPolling && a.frames {
					enter(a.number, a.name, p.column, "frames", "")
					continue
				}
				if p.column == overPolling && a.rest {
					enter(a.number, a.name, p.column, "REST", "")
					continue
				}
				if a.slow {
					continue
				}
				t.Run(a.number, func(t *testing.T) { a.try(t, p, common) })
			}
		})
	}
}

func (a attack) try(t *testing.T, p pass, common *site) {
	s := *common
	s.T, s.socket = t, p.socket
	if a.settings != nil {
		s = *start(t, p.database(t), a.settings)
		s.socket = p.socket
	}
	seen := ""
	defer func() { // also when the row ended early
		report(t, a.number, a.name, p.column, seen)
		if s.measured != "" {
			measure(a.number, a.name, p.column, s.measured)
		}
	}()
	before := s.rows()
	evidence := a.run(&s)
	if after := s.rows(); !a.writes && after != before {
		t.Errorf("rows were written: %s, then %s", before, after)
	}
	if live := s.rest(nobody, "GET", "/livez", ""); live.status != 200 {
		t.Errorf("the node is not well: %d", live.status)
	}
	if a.rest != (s.sockets == 0) && !a.frames {
		t.Errorf("it opened %d sockets: its field rest is wrong", s.sockets)
	}
	journal := s.journal.String()
	never := []string{secret, serviceToken, "panic", "eyJhbGciOi"}
	if !a.breaks {
		never = append(never, "level=ERROR", "status=500")
	}
	for _, bad := range never {
		if i := strings.Index(journal, bad); i >= 0 {
			t.Errorf("the log has %q: …%.400s", bad, journal[max(0, i-200):])
		}
	}
	seen = evidence
}
