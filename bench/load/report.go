package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

type report struct {
	Users, Window                                                int
	PerSecond                                                    float64 // durable sends; connects in a storm
	P50, P99, P999                                               float64 // milliseconds, to the acknowledgement
	TransitP50, TransitP99                                       float64 // milliseconds, to a device of the other side or another of one's own
	ServerCPU, PostgresCPU, LoadCPU                              float64 // microseconds a message; 0: not measured
	Sent, Acked, Delivered, Lost, Duplicates, Reordered, Refused int
	ResidentMB                                                   float64 // of the server, at the end
	IdleKB                                                       float64 // of the server, for each idle connection
	FirstError                                                   string  `json:",omitempty"`
}

// newReport sums up what was counted within o.duration.
func newReport(o options, latencies [][]time.Duration, use usage) *report {
	all := slices.Concat(latencies...)
	slices.Sort(all)
	r := &report{
		Users: o.users, Window: o.window, PerSecond: float64(len(all)) / o.duration.Seconds(),
		P50: quantile(all, 0.5), P99: quantile(all, 0.99), P999: quantile(all, 0.999), ResidentMB: float64(residentOf(o.pids)) / (1 << 20),
	}
	if n := float64(len(all)); n > 0 {
		r.ServerCPU = float64(use.server.Microseconds()) / n
		r.PostgresCPU = float64(use.postgres.Microseconds()) / n
		r.LoadCPU = float64(use.load.Microseconds()) / n
	}
	return r
}

// quantile of sorted durations, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return float64(sorted[int(q*float64(len(sorted)-1))]) / 1e6
}

func (r *report) add(t tally) {
	r.Acked, r.Delivered = r.Acked+t.acked, r.Delivered+t.delivered
	r.Duplicates, r.Reordered, r.Refused = r.Duplicates+t.duplicates, r.Reordered+t.reordered, r.Refused+t.refused
}

func (r *report) print(w io.Writer) {
	fmt.Fprintf(w, "users %d, window %d, server %.0f MB\n", r.Users, r.Window, r.ResidentMB)
	if r.IdleKB > 0 {
		fmt.Fprintf(w, "KB of the server for each idle connection %.1f\n", r.IdleKB)
		return
	}
	fmt.Fprintf(w, "a second             %.0f\n", r.PerSecond)
	fmt.Fprintf(w, "latency ms           p50 %.1f  p99 %.1f  p99.9 %.1f\n", r.P50, r.P99, r.P999)
	fmt.Fprintf(w, "to a device ms       p50 %.1f  p99 %.1f\n", r.TransitP50, r.TransitP99)
	fmt.Fprintf(w, "CPU µs each          server %.1f  postgres %.1f  load %.1f\n", r.ServerCPU, r.PostgresCPU, r.LoadCPU)
	fmt.Fprintf(w, "sent %d, acknowledged %d, delivered %d, lost %d, duplicates %d, reordered %d, refused %d\n",
		r.Sent, r.Acked, r.Delivered, r.Lost, r.Duplicates, r.Reordered, r.Refused)
	if r.FirstError != "" {
		fmt.Fprintln(w, "first error:", r.FirstError)
	}
}
