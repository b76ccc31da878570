package fault

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	runsFile    = "../../docs/fault-runs.jsonl"
	reliability = "../../docs/RELIABILITY.md"
	beginMark   = "<!-- figures: begin -->\n"
	endMark     = "<!-- figures: end -->"
)

// docs/RELIABILITY.md prints what docs/fault-runs.jsonl sums up to. UPDATE=1 writes it.
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
	want := before + beginMark + sum(t, b) + endMark + after
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
	var all outcome
	runs, slowest := 0, int64(0)
	all.Faults, all.Violations = map[string]int{}, map[int]int{}
	for line := range bytes.Lines(lines) {
		var o outcome
		if err := json.Unmarshal(line, &o); err != nil {
			t.Fatal(err)
		}
		runs++
		all.Seconds, all.Asked, all.Acknowledged = all.Seconds+o.Seconds, all.Asked+o.Asked, all.Acknowledged+o.Acknowledged
		all.Retried, all.Received, all.Repeated = all.Retried+o.Retried, all.Received+o.Received, all.Repeated+o.Repeated
		all.LiveP99, slowest = max(all.LiveP99, o.LiveP99), max(slowest, o.SyncedP99)
		for k, n := range o.Faults {
			all.Faults[k] += n
		}
		for k, n := range o.Violations {
			all.Violations[k] += n
		}
	}
	lost := "0"
	if all.Violations[1] > 0 {
		lost = fmt.Sprint(all.Violations[1])
	}
	met := func(ok bool) string {
		if ok {
			return "met"
		}
		return "**missed**"
	}
	kills := func(name string) int { return all.Faults[name] }
	var p strings.Builder
	fmt.Fprintf(&p, "%d runs, %d s in all: %d messages acknowledged, %d of them after a retry, %d pushed to devices, %d of these again.\n\n", runs, all.Seconds, all.Acknowledged, all.Retried, all.Received, all.Repeated)
	p.WriteString("| target | figure | |\n|---|---|---|\n")
	fmt.Fprintf(&p, "| acknowledged messages lost: 0 | %s | %s |\n", lost, met(all.Violations[1] == 0))
	for _, row := range []struct {
		what string
		want int
		have int
	}{
		{"acknowledged under faults: 1,000,000", 1_000_000, all.Acknowledged},
		{"node kills: 500", 500, kills("node killed")},
		{"Postgres kills: 50", 50, kills("Postgres killed")},
		{"Redis kills: 50", 50, kills("Redis killed, back empty")},
	} {
		fmt.Fprintf(&p, "| %s | %d | %s |\n", row.what, row.have, met(row.have >= row.want))
	}
	fmt.Fprintf(&p, "| back and synced, p99 of the worst run: 5 s | %.1f s | %s |\n", float64(slowest)/1000, met(slowest <= 5000))
	fmt.Fprintf(&p, "| acknowledged to received on any node, all faults included, p99 of the worst run: 1.2 s | %.1f s | %s |\n", float64(all.LiveP99)/1000, met(all.LiveP99 <= 1200))
	p.WriteString("\n| invariant | runs' violations |\n|---|---|\n")
	numbers := make([]int, 0, len(invariants))
	for n := range invariants {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		fmt.Fprintf(&p, "| %d. %s | %d |\n", n, invariants[n], all.Violations[n])
	}
	p.WriteString("\nFaults: ")
	names := make([]string, 0, len(all.Faults))
	for k := range all.Faults {
		names = append(names, k)
	}
	slices.Sort(names)
	for i, k := range names {
		if i > 0 {
			p.WriteString(" · ")
		}
		fmt.Fprintf(&p, "%s %d", k, all.Faults[k])
	}
	p.WriteString(".\n")
	return p.String()
}
