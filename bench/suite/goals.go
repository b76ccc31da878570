package main

import (
	"fmt"
	"strings"
)

// goal is a figure that was set beforehand, and what was measured for it.
type goal struct {
	what, want string
	got        func(b *bench) (value float64, ok bool)
	met        func(v float64) bool
	format     string
}

func perSecond(m measurement) float64 { return m.PerSecond }
func p99(m measurement) float64       { return m.P99 }
func serverCPU(m measurement) float64 { return m.ServerCPU }

// ratio of Chaffer's median to another variant's.
func ratio(scenario, other string, of func(measurement) float64) func(*bench) (float64, bool) {
	return func(b *bench) (float64, bool) {
		ours, ok := b.median(scenario, "chaffer", of)
		theirs, there := b.median(scenario, other, of)
		if !ok || !there || theirs == 0 {
			return 0, false
		}
		return ours / theirs, true
	}
}

// twoNodes is the ratio of two nodes to one.
func twoNodes(scenario string, of func(measurement) float64) func(*bench) (float64, bool) {
	return func(b *bench) (float64, bool) {
		two, ok := b.median(scenario, "chaffer-two", of)
		one, there := b.median(scenario, "chaffer", of)
		return two / one, ok && there && one > 0
	}
}

func atLeast(n float64) func(float64) bool { return func(v float64) bool { return v >= n } }
func atMost(n float64) func(float64) bool  { return func(v float64) bool { return v <= n } }

var goals = []goal{
	{"durable sends a second, 8 in flight, against A", "≥ 12 ×", ratio("window-8", "node-single", perSecond), atLeast(12), "%.1f ×"},
	{"the same against A+", "≥ 1.6 ×", ratio("window-8", "node-group", perSecond), atLeast(1.6), "%.2f ×"},
	{"the same against the bound", "(what there is to win)", ratio("window-8", "bound", perSecond), nil, "%.2f ×"},
	{"sends a second, 1 in flight, against A", "≥ 4 ×", ratio("window-1", "node-single", perSecond), atLeast(4), "%.1f ×"},
	{"p99, 1 in flight, against A", "≤ 0.4 ×", ratio("window-1", "node-single", p99), atMost(0.4), "%.2f ×"},
	{"p99 at 2,000 a second, against A+", "≤ 1.0 ×", ratio("rate-2000", "node-group", p99), atMost(1), "%.2f ×"},
	{"p99 at 8,000 a second, against A+", "≤ 1.0 ×", ratio("rate-8000", "node-group", p99), atMost(1), "%.2f ×"},
	{"the server's CPU for a message", "≤ 20 µs", func(b *bench) (float64, bool) { return b.median("window-8", "chaffer", serverCPU) }, atMost(20), "%.0f µs"},
	{"the same against A+", "(both move with the machine)", ratio("window-8", "node-group", serverCPU), nil, "%.2f ×"},
	{"connects a second against A", "≥ 3 ×", ratio("connects", "node-single", perSecond), atLeast(3), "%.1f ×"},
	{"connects lost", "0", func(b *bench) (float64, bool) { return lost(b, "connects") }, atMost(0), "%.0f"},
	{"memory of an idle connection", "≤ 40 KB", func(b *bench) (float64, bool) {
		return b.median("idle", "chaffer", func(m measurement) float64 { return m.IdleKB })
	}, atMost(40), "%.0f KB"},
	{"messages lost, twice or out of order, one node and two", "0", func(b *bench) (float64, bool) {
		return lost(b, "window-8", "window-1", "rate-2000", "rate-8000", "devices-20", "devices-10")
	}, atMost(0), "%.0f"},
	{"two nodes over Redis: CPU of the nodes for a message, against one", "(what the way between them costs)", twoNodes("window-8", serverCPU), nil, "%.1f ×"},
	{"two nodes over Redis: to a device, p99 at 2,000 a second, against one", "(the same)", twoNodes("rate-2000", func(m measurement) float64 { return m.TransitP99 }), nil, "%.1f ×"},
}

// lost counts what went wrong with Chaffer in some scenarios.
func lost(b *bench, scenarios ...string) (float64, bool) {
	n, ok := 0, false
	for _, s := range scenarios {
		if _, measured := b.median(s, "chaffer", perSecond); measured {
			ok = true
		}
		for _, v := range []string{"chaffer", "chaffer-two"} {
			n += b.sum(s, v, func(m measurement) int { return m.Lost + m.Duplicates + m.Reordered })
		}
	}
	return float64(n), ok
}

// goalTable sets the goals beside what this run measured.
func (b *bench) goalTable() string {
	var s strings.Builder
	s.WriteString("| goal | wanted | seen | |\n|---|---|---|---|\n")
	for _, g := range goals {
		v, ok := g.got(b)
		if !ok {
			continue
		}
		verdict := ""
		if g.met != nil {
			verdict = "**missed**"
			if g.met(v) {
				verdict = "met"
			}
		}
		fmt.Fprintf(&s, "| %s | %s | "+g.format+" | %s |\n", g.what, g.want, v, verdict)
	}
	return s.String()
}
