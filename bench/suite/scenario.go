package main

import (
	"fmt"
	"slices"
	"strconv"
)

// scenario is one way of loading a server.
type scenario struct {
	name, title string
	args        []string
	rounds      int      // at most; 0: as many as asked for
	only        []string // variants it is about; none: all with one process
	others      int      // rounds of the others, at most; 0: as many
	crosses     bool     // also with two processes
}

func scenarios(o options) []scenario {
	window := func(n int) []string {
		return []string{"-mode", "closed", "-users", "200", "-window", strconv.Itoa(n), "-duration", o.duration.String()}
	}
	rate := func(n int) []string {
		return []string{"-mode", "open", "-users", "200", "-rate", strconv.Itoa(n), "-duration", o.duration.String()}
	}
	fan := func(customer, vendor int) []string {
		return []string{"-mode", "closed", "-users", "2", "-window", "8", "-customer-devices", strconv.Itoa(customer), "-vendor-devices", strconv.Itoa(vendor), "-duration", o.duration.String()}
	}
	own := []string{"chaffer"} // the others do not send to people's other devices
	return []scenario{
		{name: "window-8", title: "200 users, 8 sends in flight each", args: window(8), crosses: true},
		{name: "window-1", title: "200 users, 1 send in flight each", args: window(1)},
		{name: "rate-2000", title: "2,000 sends a second, from when each was due", args: rate(2000), crosses: true},
		{name: "rate-8000", title: "8,000 sends a second, from when each was due", args: rate(8000)},
		{name: "devices-20", title: "a vendor with 20 devices and a customer with one, 8 sends in flight each", args: fan(1, 20), rounds: 3, only: own},
		{name: "devices-10", title: "a customer and a vendor with 10 devices each, 8 sends in flight each", args: fan(10, 10), rounds: 3, only: own},
		{name: "connects", title: fmt.Sprintf("%d connects, 64 at once, both namespaces", o.connects), args: []string{"-mode", "storm", "-window", "64", "-connects", strconv.Itoa(o.connects)}, others: 1},
		{name: "idle", title: fmt.Sprintf("%d idle connections, both namespaces", o.idle), args: []string{"-mode", "idle", "-users", strconv.Itoa(o.idle), "-duration", "12s"}, rounds: 2},
	}
}

func (s scenario) atMost(rounds int) int {
	if s.rounds == 0 {
		return rounds
	}
	return min(rounds, s.rounds)
}

// skips says what is left out in a round: the single-transaction peer cannot do 8,000 a second; its queue would only grow.
func (s scenario) skips(v variant, round int) bool {
	if s.others > 0 && round >= s.others && v.name != "chaffer" {
		return true
	}
	return s.name == "rate-8000" && v.name == "node-single" || v.nodes > 1 && !s.crosses || len(s.only) > 0 && !slices.Contains(s.only, v.name)
}
