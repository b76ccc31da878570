package fault

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
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
	9:  "at most 1 % is pushed again under faults, nothing without",
	10: "unread is what the messages say",
	11: "positions never go back",
	12: "a deleted text is received at the latest 1 s after the acknowledgement",
	13: "nobody receives somebody else's message",
	14: "presence is the truth within 30 s",
	15: "goroutines and Redis keys are flat after everybody has gone",
	16: "no secret and no message in a log",
	17: "every request is answered within 15 s",
	18: "no process ends by itself, no panic",
	19: "a socket receives nothing once its token has expired",
}

// outcome is one run as it is kept in docs/fault-runs.jsonl. Mix and Commit are empty in the oldest.
type outcome struct {
	At           string         `json:"at"`
	Commit       string         `json:"commit,omitempty"`
	Mix          string         `json:"mix,omitempty"`
	Seed         uint64         `json:"seed"`
	Seconds      int            `json:"seconds"`
	Faults       map[string]int `json:"faults"`
	Asked        int            `json:"asked"`
	Acknowledged int            `json:"acknowledged"`
	Retried      int            `json:"retried"`
	Erased       int            `json:"erased,omitempty"`
	Received     int            `json:"received"`
	Repeated     int            `json:"repeated"`                     // after a reconnect
	Within       int            `json:"repeatedWithin"`               // on one connection
	Proved       int            `json:"repeatedHeartbeats"`           // of Repeated, to devices that confirm nothing themselves
	ToStock      int            `json:"receivedHeartbeats,omitempty"` // of Received, by these
	Causes       map[string]int `json:"causes,omitempty"`
	SyncedP50    int64          `json:"syncedP50Ms"`
	SyncedP99    int64          `json:"syncedP99Ms"`
	CrippledP99  int64          `json:"syncedCrippledP99Ms,omitempty"` // where the database or the other node did not answer meanwhile
	LiveP50      int64          `json:"liveP50Ms"`
	LiveP99      int64          `json:"liveP99Ms"`
	Violations   map[int]int    `json:"violations"`
}

// report prints the run, fails the test for each broken invariant, and keeps the sums when
// FAULT_RUNS names a file.
func (r *run_) report(took time.Duration) {
	o := outcome{
		At: time.Now().UTC().Format(time.RFC3339), Commit: commit(), Mix: r.mix.name, Seed: r.seed, Seconds: int(took.Seconds()),
		Faults: r.counts, Causes: map[string]int{}, Violations: map[int]int{},
	}
	o.Asked, o.Acknowledged = r.ledger.size()
	for _, e := range r.ledger.all {
		if e.tries > 1 {
			o.Retried++
		}
		if e.erased != 0 {
			o.Erased++
		}
	}
	for _, d := range r.devices {
		o.Received, o.Repeated, o.Within = o.Received+d.pushed, o.Repeated+d.again, o.Within+d.behind
		if !d.confirms {
			o.Proved, o.ToStock = o.Proved+d.again, o.ToStock+d.pushed
		}
	}
	o.SyncedP50, o.SyncedP99 = r.synced.percentile(50), r.synced.percentile(99)
	o.CrippledP99 = r.crippled.percentile(99)
	o.LiveP50, o.LiveP99 = r.live.percentile(50), r.live.percentile(99)
	// The commonest causes; the rest together.
	byCount := func(m map[string]int) []string {
		return slices.SortedFunc(maps.Keys(m), func(a, b string) int { return m[b] - m[a] })
	}
	for i, what := range byCount(r.causes) {
		if i < 12 {
			o.Causes[what] += r.causes[what]
		} else {
			o.Causes[what[:strings.Index(what, ":")]+": others"] += r.causes[what]
		}
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n%d s, %s, seed %d: %d acknowledged of %d asked (%d retried, %d deleted), %d received, %d pushed again after a reconnect (%d of them to devices that confirm nothing), %d within a connection\n",
		o.Seconds, o.Mix, o.Seed, o.Acknowledged, o.Asked, o.Retried, o.Erased, o.Received, o.Repeated, o.Proved, o.Within)
	for _, what := range byCount(o.Causes) {
		fmt.Fprintf(&table, "%6d × %s\n", o.Causes[what], what)
	}
	fmt.Fprintf(&table, "back and synced p50 %d ms, p99 %d ms, where the database or the other node did not answer meanwhile %d ms; acknowledged to received, faults included, p50 %d ms, p99 %d ms\n", o.SyncedP50, o.SyncedP99, o.CrippledP99, o.LiveP50, o.LiveP99)
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
// pushed again and how long an answer took are figures, which a long run judges. Where every
// connection breaks every few seconds, what could not be proved meanwhile is pushed again: a figure, too.
func (r *run_) judges(invariant int) bool {
	switch r.mix.name {
	case "smoke":
		return invariant != 9 && invariant != 12 && invariant != 17 && invariant != 19
	case "kills", "deploy", "sqlite":
		return invariant != 9
	}
	return true
}

// commit names what was built, "+" when it was changed since.
func commit() string {
	b, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		return ""
	}
	name := strings.TrimSpace(string(b))
	if exec.Command("git", "diff", "--quiet", "HEAD", "--", "../../cmd", "../../config", "../../internal").Run() != nil {
		name += "+"
	}
	return name
}
