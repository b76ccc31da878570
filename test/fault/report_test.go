package fault

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// invariants are what every run checks, by number.
var invariants = map[int]string{
	1:  "every acknowledged send is one row, same key, id, place and text",
	2:  "every row was asked for by its sender",
	3:  "one row for each key; all acknowledgements of a key agree",
	4:  "the places of a chat are 1 to n without a gap",
	5:  "an acknowledged send comes before one started after it (porcupine)",
	6:  "what one socket sends keeps its order",
	7:  "every device has 1 to n of each of its chats",
	8:  "within a connection places only rise",
	9:  "at most 1 % is pushed again",
	10: "unread is what the messages say",
	11: "positions never go back",
	13: "nobody receives somebody else's message",
	14: "presence is the truth within 30 s",
	15: "goroutines and Redis keys are flat after everybody has gone",
	16: "no secret and no message in a log",
	17: "every request is answered within 15 s",
	18: "no process ends by itself, no panic",
}

// outcome is one run as it is kept in docs/fault-runs.jsonl.
type outcome struct {
	At           string         `json:"at"`
	Seed         uint64         `json:"seed"`
	Seconds      int            `json:"seconds"`
	Faults       map[string]int `json:"faults"`
	Asked        int            `json:"asked"`
	Acknowledged int            `json:"acknowledged"`
	Retried      int            `json:"retried"`
	Received     int            `json:"received"`
	Repeated     int            `json:"repeated"`
	SyncedP50    int64          `json:"syncedP50Ms"`
	SyncedP99    int64          `json:"syncedP99Ms"`
	LiveP50      int64          `json:"liveP50Ms"`
	LiveP99      int64          `json:"liveP99Ms"`
	Violations   map[int]int    `json:"violations"`
}

// report prints the run, fails the test for each broken invariant, and keeps the sums when
// FAULT_RUNS names a file.
func (r *run_) report(took time.Duration) {
	o := outcome{
		At: time.Now().UTC().Format(time.RFC3339), Seed: r.seed, Seconds: int(took.Seconds()), Faults: r.counts, Violations: map[int]int{},
	}
	o.Asked, o.Acknowledged = r.ledger.size()
	for _, e := range r.ledger.all {
		if e.tries > 1 {
			o.Retried++
		}
	}
	var synced, live []time.Duration
	for _, d := range r.devices {
		o.Received, o.Repeated = o.Received+d.received, o.Repeated+d.duplicate
		synced, live = append(synced, d.synced...), append(live, d.live...)
	}
	o.SyncedP50, o.SyncedP99 = percentile(synced, 50), percentile(synced, 99)
	o.LiveP50, o.LiveP99 = percentile(live, 50), percentile(live, 99)
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d s, seed %d: %d acknowledged of %d asked (%d retried), %d received, %d pushed again\n", o.Seconds, o.Seed, o.Acknowledged, o.Asked, o.Retried, o.Received, o.Repeated)
	fmt.Fprintf(&table, "back and synced p50 %d ms, p99 %d ms; acknowledged to received, faults included, p50 %d ms, p99 %d ms\n", o.SyncedP50, o.SyncedP99, o.LiveP50, o.LiveP99)
	names := make([]string, 0, len(r.counts))
	for name := range r.counts {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(&table, "%5d × %s\n", r.counts[name], name)
	}
	numbers := make([]int, 0, len(invariants))
	for n := range invariants {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	for _, n := range numbers {
		broken := len(r.failures[n])
		if broken > 0 {
			o.Violations[n] = broken
		}
		fmt.Fprintf(&table, "%3d. %-75s %d broken\n", n, invariants[n], broken)
	}
	r.t.Log(table.String())
	for _, n := range numbers {
		if !r.judges(n) {
			for _, what := range r.failures[n] {
				r.t.Logf("missed, invariant %d: %s", n, what)
			}
			continue
		}
		for i, what := range r.failures[n] {
			if i == 5 {
				r.t.Errorf("invariant %d: and %d more", n, len(r.failures[n])-5)
				break
			}
			r.t.Errorf("invariant %d: %s", n, what)
		}
	}
	if r.t.Failed() {
		for _, n := range r.world.nodes {
			_, _, end := n.log.seen()
			r.t.Logf("the end of the log of %s:\n%s", n.name, end)
		}
	}
	file := os.Getenv("FAULT_RUNS")
	if file == "" {
		return
	}
	b, err := json.Marshal(o)
	if err != nil {
		r.t.Fatal(err)
	}
	f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(append(b, '\n')); err != nil {
		r.t.Fatal(err)
	}
}

// judges reports whether a violation fails this run. The smoke, a few seconds in which every fault
// happens at once on whatever machine it is, judges what became of messages; how often they were
// pushed again and how long an answer took are figures, which a long run judges.
func (r *run_) judges(invariant int) bool {
	return os.Getenv("DURATION") != "" || invariant != 9 && invariant != 17
}
