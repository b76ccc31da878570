package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// median of one figure over the rounds of a scenario on a variant; ok: it was measured.
func (b *bench) median(scenario, variant string, of func(measurement) float64) (float64, bool) {
	var all []float64
	for _, m := range b.results {
		if m.Scenario == scenario && m.Variant == variant {
			all = append(all, of(m))
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.SortFunc(all, cmp.Compare[float64])
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, true
}

func (b *bench) sum(scenario, variant string, of func(measurement) int) int {
	n := 0
	for _, m := range b.results {
		if m.Scenario == scenario && m.Variant == variant {
			n += of(m)
		}
	}
	return n
}

// table is the Markdown of all scenarios.
func (b *bench) table() string {
	var s strings.Builder
	for _, sc := range scenarios(b.o) {
		if _, ok := b.median(sc.name, b.variants[0].name, func(m measurement) float64 { return m.P50 }); !ok {
			continue
		}
		fmt.Fprintf(&s, "### %s\n\n", sc.title)
		if sc.name == "idle" {
			fmt.Fprintf(&s, "| | KB of the server each |\n|---|---|\n")
		} else {
			fmt.Fprintf(&s, "| | a second | p50 ms | p99 ms | p99.9 ms | to a device p50 | p99 ms | server µs | Postgres µs | server MB | lost | twice | reordered |\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
		}
		for _, v := range b.variants {
			get := func(of func(measurement) float64) float64 {
				f, _ := b.median(sc.name, v.name, of)
				return f
			}
			if _, ok := b.median(sc.name, v.name, func(m measurement) float64 { return 0 }); !ok {
				continue
			}
			if sc.name == "idle" {
				fmt.Fprintf(&s, "| %s | %.1f |\n", v.title, get(func(m measurement) float64 { return m.IdleKB }))
				continue
			}
			fmt.Fprintf(&s, "| %s | %.0f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.1f | %.0f | %d | %d | %d |\n", v.title,
				get(func(m measurement) float64 { return m.PerSecond }), get(func(m measurement) float64 { return m.P50 }),
				get(func(m measurement) float64 { return m.P99 }), get(func(m measurement) float64 { return m.P999 }),
				get(func(m measurement) float64 { return m.TransitP50 }), get(func(m measurement) float64 { return m.TransitP99 }),
				get(func(m measurement) float64 { return m.ServerCPU }), get(func(m measurement) float64 { return m.PostgresCPU }),
				get(func(m measurement) float64 { return m.ResidentMB }),
				b.sum(sc.name, v.name, func(m measurement) int { return m.Lost }),
				b.sum(sc.name, v.name, func(m measurement) int { return m.Duplicates }),
				b.sum(sc.name, v.name, func(m measurement) int { return m.Reordered }))
		}
		s.WriteString("\n")
	}
	return s.String()
}

// write leaves the page and the raw figures in the folder asked for. What stands outside the marks
// of the page is written by people, and stays.
func (b *bench) write(text string) error {
	if b.o.out == "" {
		return nil
	}
	raw, err := json.MarshalIndent(b.results, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.o.out, "benchmarks.json"), append(raw, '\n'), 0o644); err != nil {
		return err
	}
	page := filepath.Join(b.o.out, "BENCHMARKS.md")
	old, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(old), begin)
	_, tail, ended := strings.Cut(rest, end)
	if !ok || !ended {
		return fmt.Errorf("%s has lost its marks %q and %q", page, begin, end)
	}
	return os.WriteFile(page, []byte(head+begin+"\n"+text+end+tail), 0o644)
}

const begin, end = "<!-- figures: begin -->", "<!-- figures: end -->"

// machine says where and when the figures were taken.
func (b *bench) machine() string {
	model := "unknown processor"
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	commit, err := exec.Command("git", "rev-parse", "--short", "HEAD").Output()
	if err != nil {
		commit = []byte("unknown")
	}
	return fmt.Sprintf("%s, %d cores, %s; commit %s, %s; %d rounds of %s, medians.\n\n", model, runtime.NumCPU(), runtime.Version(),
		strings.TrimSpace(string(commit)), time.Now().UTC().Format("2 January 2006"), b.o.rounds, b.o.duration)
}
