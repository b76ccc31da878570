package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	runsFile    = "../../docs/fault-runs.jsonl"
	figuresFile = "../../docs/fault-figures.json"
	reliability = "../../docs/RELIABILITY.md"
	beginMark   = "<!-- figures: begin -->\n"
	endMark     = "<!-- figures: end -->"
)

// docs/RELIABILITY.md prints what docs/fault-runs.jsonl sums up to and docs/fault-figures.json has.
// UPDATE=1 writes it.
func TestThePageSaysWhatTheRunsSay(t *testing.T) {
	b, err := os.ReadFile(runsFile)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(reliability)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok1 := strings.Cut(string(page), beginMark)
	_, after, ok2 := strings.Cut(rest, endMark)
	if !ok1 || !ok2 {
		t.Fatal("RELIABILITY.md has no place for the figures")
	}
	want := before + beginMark + sum(t, b) + table(t) + endMark + after
	if want == string(page) {
		return
	}
	if os.Getenv("UPDATE") == "" {
		t.Fatal("RELIABILITY.md is not what the runs say: UPDATE=1 go test ./test/fault -run Page")
	}
	if err := os.WriteFile(reliability, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sum(t *testing.T, lines []byte) string {
	total := outcome{Faults: map[string]int{}, Violations: map[int]int{}}
	newest := map[string]outcome{} // by mix
	var runs []outcome
	for line := range bytes.Lines(lines) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		if o.Mix == "" {
			o.Mix, o.Commit = "all", "before 2026-11-21 03:00"
		}
		runs = append(runs, o)
		newest[o.Mix] = o
		total.add(o)
	}
	met := func(ok bool) string {
		if ok {
			return "met"
		}
		return "**missed**"
	}
	var p strings.Builder
	var commits []string
	for _, o := range runs {
		if !slices.Contains(commits, o.Commit) {
			commits = append(commits, o.Commit)
		}
	}
	fmt.Fprintf(&p, "%d runs, %d s in all, of the code of %s: %d messages acknowledged, %d of them after a retry, %d pushed to devices, %d of these again.\n\n",
		len(runs), total.Seconds, strings.Join(commits, ", "), total.Acknowledged, total.Retried, total.Received, total.Repeated)
	p.WriteString("| target | figure | |\n|---|---|---|\n")
	fmt.Fprintf(&p, "| acknowledged messages lost: 0 | %d | %s |\n", total.Violations[1], met(total.Violations[1] == 0))
	for _, row := range []struct {
		what string
		want int
		have int
	}{
		{"acknowledged under faults: 1,000,000", 1_000_000, total.Acknowledged},
		{"node kills: 500", 500, total.times("node killed")},
		{"Postgres kills: 50", 50, total.times("Postgres killed")},
		{"Redis kills: 50", 50, total.times("Redis killed")},
	} {
		fmt.Fprintf(&p, "| %s | %d | %s |\n", row.what, row.have, met(row.have >= row.want))
	}
	for _, name := range slices.Sorted(maps.Keys(newest)) {
		o := newest[name]
		row := func(what, want, have string, ok bool) {
			verdict := ""
			if want != "" {
				what, verdict = what+": "+want, met(ok)
			}
			fmt.Fprintf(&p, "| mix %q, %d s of %s, %s | %s | %s |\n", name, o.Seconds, o.Commit, what, have, verdict)
		}
		seconds := func(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1000) }
		row("node killed → back and synced, p99", "5 s", seconds(o.SyncedP99), o.SyncedP99 <= 5000)
		if o.CrippledP99 > 0 {
			row("the same where the database, or the node that was left, did not answer meanwhile", "", seconds(o.CrippledP99), true)
		}
		row("acknowledged → received on any node, faults included, p50 and p99", "", fmt.Sprintf("%d ms, %s", o.LiveP50, seconds(o.LiveP99)), true)
		row("pushed again within a connection", "0", fmt.Sprint(o.Within), o.Within == 0)
		said, stock := share(o.Repeated-o.Proved, o.Received-o.ToStock), share(o.Proved, o.ToStock)
		row("pushed again after a reconnect, to clients that say what they have", "1 %", fmt.Sprintf("%.2f %%", said), said <= 1)
		row("the same, to clients that do not", "1 %", fmt.Sprintf("%.2f %%", stock), stock <= 1)
	}
	p.WriteString("\n| invariant | runs' violations |\n|---|---|\n")
	for _, n := range slices.Sorted(maps.Keys(invariants)) {
		fmt.Fprintf(&p, "| %d. %s | %d |\n", n, invariants[n], total.Violations[n])
	}
	p.WriteString("\nFaults: ")
	for i, k := range slices.Sorted(maps.Keys(total.Faults)) {
		if i > 0 {
			p.WriteString(" · ")
		}
		fmt.Fprintf(&p, "%s %d", k, total.Faults[k])
	}
	p.WriteString(".\n")
	return p.String()
}

// share is a part in percent.
func share(part, whole int) float64 { return 100 * float64(part) / float64(max(whole, 1)) }

// measured is one figure as docs/fault-figures.json keeps it, by its name.
type measured struct {
	Target string `json:"target"` // "" for one that has none
	Figure string `json:"figure"`
	Met    bool   `json:"met"`
	Commit string `json:"commit"`
	At     string `json:"at"`
}

// table is what make fault-figures has measured.
func table(t *testing.T) string {
	b, err := os.ReadFile(figuresFile)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]measured{}
	if err := json.Unmarshal(b, &all); err != nil {
		t.Fatal(err)
	}
	var p strings.Builder
	p.WriteString("\n| measured by itself | target | figure | |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		m := all[name]
		met := "met"
		switch {
		case m.Target == "":
			met = ""
		case !m.Met:
			met = "**missed**"
		}
		fmt.Fprintf(&p, "| %s | %s | %s | %s |\n", name, m.Target, m.Figure, met)
	}
	return p.String()
}

// add sums what can be summed.
func (o *outcome) add(other outcome) {
	o.Seconds, o.Asked, o.Acknowledged = o.Seconds+other.Seconds, o.Asked+other.Asked, o.Acknowledged+other.Acknowledged
	o.Retried, o.Received, o.Repeated = o.Retried+other.Retried, o.Received+other.Received, o.Repeated+other.Repeated
	o.Within += other.Within
	for k, n := range other.Faults {
		o.Faults[k] += n
	}
	for k, n := range other.Violations {
		o.Violations[k] += n
	}
}

// times is how often faults happened whose names begin so.
func (o *outcome) times(prefix string) (sum int) {
	for k, n := range o.Faults {
		if strings.HasPrefix(k, prefix) {
			sum += n
		}
	}
	return sum
}
