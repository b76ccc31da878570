package security

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"chaffer/internal/db/dbtest"
)

var evidenceFile = flag.String("evidence", "", "write the table of evidence to this file")

// attack is one row: what is tried, and what was seen.
type attack struct {
	number   string
	name     string
	settings map[string]string // of a node of its own; nil: the common one
	writes   bool              // the row adds rows of its own on purpose
	run      func(s *site) string
}

func table() []attack {
	return slices.Concat(tokenRows, connectionRows, authorisationRows, inputRows, uploadRows, abuseRows)
}

// TestAttacks runs every row on both databases. Besides what a row asserts: the node lives, nothing
// was stored that should not have been, nothing failed inside, and no secret is in the log.
func TestAttacks(t *testing.T) {
	seen := map[string][]string{}
	dbtest.Each(t, func(t *testing.T, url string) {
		common := start(t, url, nil)
		for _, a := range table() {
			t.Run(a.number, func(t *testing.T) {
				s := *common
				s.T = t
				if a.settings != nil {
					fresh := dbtest.SQLite(t)
					if strings.HasPrefix(url, "postgres") {
						fresh = dbtest.Postgres(t)
					}
					s = *start(t, fresh, a.settings)
				}
				evidence := "FAILED"
				defer func() { // also when the row ended early
					if !slices.Contains(seen[a.number], evidence) {
						seen[a.number] = append(seen[a.number], evidence)
					}
				}()
				before := s.rows()
				evidence = a.run(&s)
				if after := s.rows(); !a.writes && after != before {
					t.Errorf("rows were written: %s, then %s", before, after)
				}
				if live := s.rest(nobody, "GET", "/livez", ""); live.status != 200 {
					t.Errorf("the node is not well: %d", live.status)
				}
				journal := s.journal.String()
				for _, bad := range []string{secret, serviceToken, "level=ERROR", "panic", "status=500", "eyJhbGciOi"} {
					if i := strings.Index(journal, bad); i >= 0 {
						t.Errorf("the log has %q: …%.400s", bad, journal[max(0, i-200):])
					}
				}
				if t.Failed() {
					evidence = "FAILED"
				}
			})
		}
	})
	report := render(seen)
	t.Log("\n" + report)
	if *evidenceFile != "" {
		if err := os.WriteFile(*evidenceFile, []byte(report), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// render is the table as Markdown.
func render(seen map[string][]string) string {
	var b strings.Builder
	b.WriteString("# Attacks, and what was seen\n\nWritten by `go test ./test/security -run Attacks -evidence`; every row ran on SQLite and on Postgres unless it names another test.\n\n| | attack | seen |\n|---|---|---|\n")
	type line struct{ number, text string }
	var lines []line
	for _, a := range table() {
		lines = append(lines, line{a.number, fmt.Sprintf("| %s | %s | %s |\n", a.number, a.name, strings.Join(seen[a.number], "; "))})
	}
	for _, e := range elsewhere {
		lines = append(lines, line{e.number, fmt.Sprintf("| %s | %s | proved by `%s` in `%s` |\n", e.number, e.name, e.test, e.pkg)})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return strings.Compare(a.number, b.number) })
	for _, l := range lines {
		b.WriteString(l.text)
	}
	b.WriteString("\nNot proved by a test of this repository:\n\n")
	for _, m := range missing {
		b.WriteString("- " + m + "\n")
	}
	return b.String()
}
