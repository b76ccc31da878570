// Command suite measures Chaffer beside what people would run instead, on this machine: every
// variant in every round, one after the other, on a Postgres of its own that flushes. It prints the
// medians and writes docs/BENCHMARKS.md with the raw figures beside it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "rounds; figures are their medians")
	flag.DurationVar(&o.duration, "duration", 8*time.Second, "time that is counted in each measurement")
	flag.StringVar(&o.only, "only", "", "scenarios to run, comma-separated (all)")
	flag.StringVar(&o.variants, "variants", "", "variants to run, comma-separated (all)")
	flag.IntVar(&o.connects, "connects", 20000, "connects of a storm, in each round; the others have one round")
	flag.IntVar(&o.idle, "idle", 10000, "idle connections")
	flag.StringVar(&o.out, "out", "", "folder for BENCHMARKS.md and benchmarks.json (printed only)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

type options struct {
	rounds, connects, idle int
	duration               time.Duration
	only, variants, out    string
}

func (o options) wants(list, name string) bool {
	if list == "" {
		return true
	}
	for _, n := range strings.Split(list, ",") {
		if n == name {
			return true
		}
	}
	return false
}

func run(ctx context.Context, o options) error {
	b, err := newBench(ctx, o)
	if err != nil {
		return err
	}
	defer b.close()
	began := time.Now()
	for round := range o.rounds {
		for _, s := range scenarios(o) {
			if !o.wants(o.only, s.name) || round >= s.atMost(o.rounds) {
				continue
			}
			for i := range b.variants {
				v := b.variants[(i+round)%len(b.variants)]
				if s.skips(v, round) {
					continue
				}
				m, err := b.measure(ctx, s, v)
				if err != nil {
					return fmt.Errorf("%s, %s: %w", s.name, v.name, err)
				}
				b.results = append(b.results, m)
				fmt.Printf("%5.0f s  round %d/%d  %-12s %-14s %s\n", time.Since(began).Seconds(), round+1, o.rounds, s.name, v.name, m.line())
			}
		}
	}
	fmt.Println()
	text := b.machine() + b.goalTable() + "\n" + b.table()
	fmt.Print(text)
	return b.write(text)
}
