package security

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var evidenceFile = flag.String("evidence", "", "write the table of evidence to this file; the rest of the file stays")

// Where a row can run: the columns of the table.
const (
	onSQLite    = "SQLite"
	onPostgres  = "Postgres"
	overPolling = "polling"
	onTwoNodes  = "two nodes"
)

var columns = []string{onSQLite, onPostgres, overPolling, onTwoNodes}

// sighting is a line of the table: one attack, what was seen, and where.
type sighting struct {
	number, name string
	seen         []string          // each once, in the order they came
	measured     []string          // figures, each with its column
	in           map[string]string // by column: "yes", "FAILED", or why it does not apply
}

var ledger = struct {
	mu       sync.Mutex
	lines    []*sighting
	sections []string
}{}

// section adds a part of its own behind the table; the same part again changes nothing.
func section(title, text string) {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	part := "\n## " + title + "\n\n" + strings.TrimSpace(text) + "\n"
	if !slices.Contains(ledger.sections, part) {
		ledger.sections = append(ledger.sections, part)
	}
}

// columnOf is the column of a database.
func columnOf(url string) string {
	if strings.HasPrefix(url, "sqlite") {
		return onSQLite
	}
	return onPostgres
}

// report enters what a row saw in a column: call it deferred, when the row has ended. A number and
// a name are one line, whoever reports it. A row that failed has seen nothing.
func report(t *testing.T, number, name, column, seen string) {
	t.Helper()
	if !slices.Contains(columns, column) {
		t.Errorf("%s: there is no column %q", number, column)
	}
	state := "yes"
	if t.Failed() || seen == "" {
		state, seen = "FAILED", ""
	}
	enter(number, name, column, state, seen)
}

func enter(number, name, column, state, seen string) {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	l := line(number, name)
	l.in[column] = state
	if seen != "" && !slices.Contains(l.seen, seen) {
		l.seen = append(l.seen, seen)
	}
}

// measure adds a figure to a line: for the reader, nothing judges it.
func measure(number, name, column, figure string) {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	l := line(number, name)
	l.measured = append(l.measured, column+": "+figure)
}

func line(number, name string) *sighting {
	i := slices.IndexFunc(ledger.lines, func(l *sighting) bool { return l.number == number && l.name == name })
	if i < 0 {
		i = len(ledger.lines)
		ledger.lines = append(ledger.lines, &sighting{number: number, name: name, in: map[string]string{}})
	}
	return ledger.lines[i]
}

// TestMain prints what the tests have reported, with -v, and writes it when it is asked for.
func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if builds.folder != "" {
		_ = os.RemoveAll(builds.folder)
	}
	if err := reportCanaries(code != 0); err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		code = 1
	}
	if testing.Verbose() {
		fmt.Println(render())
	}
	if *evidenceFile != "" {
		if err := writeEvidence(*evidenceFile); err != nil {
			fmt.Fprintln(os.Stderr, "the evidence cannot be written:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// writeEvidence replaces everything before the sections that others write.
func writeEvidence(path string) error {
	old, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	text := render()
	if i := strings.Index(string(old), "## At full size"); i >= 0 {
		text += "\n" + string(old[i:])
	} else if i := strings.Index(string(old), "## Guards taken away"); i >= 0 {
		text += "\n" + string(old[i:])
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// render is the table as Markdown.
func render() string {
	ledger.mu.Lock()
	defer ledger.mu.Unlock()
	var lines []string
	for _, l := range ledger.lines {
		seen := strings.Join(l.seen, "; ")
		if slices.Sort(l.measured); len(l.measured) > 0 {
			seen += " (" + strings.Join(l.measured, "; ") + ")"
		}
		cells := []string{l.number, l.name, seen}
		for _, column := range columns {
			cells = append(cells, l.in[column])
		}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |\n")
	}
	for _, e := range elsewhere {
		lines = append(lines, fmt.Sprintf("| %s | %s | %s `%s` in `%s` | | | | |\n", e.number, e.name, e.how, e.test, e.pkg))
	}
	slices.Sort(ledger.sections)
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(a[:5], b[:5]) })
	head := "# Attacks, and what was seen\n\nWritten by `" + command + "`.\n\n" + explanation + "\n| | attack | seen |"
	for _, column := range columns {
		head += " " + column + " |"
	}
	return head + "\n|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n" + strings.Join(lines, "") + strings.Join(ledger.sections, "") +
		"\n## Not proved\n\n- " + strings.Join(missing, "\n- ") + "\n"
}

const command = "scripts/services -redis -- go test -count=1 ./test/security -evidence \"$PWD/docs/SECURITY-EVIDENCE.md\""

const explanation = `Each row ran against a whole node from outside. Where a column says yes, it ran there and held: over WebSocket with
SQLite and with Postgres, the same over long-polling (with SQLite), and with the people of the row on two nodes.
"REST" is a row without sockets, "frames" one about WebSocket itself; an empty cell is a combination that was not tried.
Besides what a row says it also saw that the node stays well, that nothing was stored that should not have been, that
nothing failed inside and that the log has no secret. Rows that need the inside of the service name the test that has it.
`
