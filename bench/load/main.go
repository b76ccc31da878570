// Command load drives a chat server over raw WebSockets with hand-made Engine.IO and Socket.IO
// frames, all users in one process, and counts exactly what came back: acknowledgements,
// deliveries, losses, duplicates and reorders.
//
// Users come in pairs, a customer and a vendor with a chat of their own. In the closed loop each
// keeps a window of sends unacknowledged, and latency is from writing a send to its acknowledgement.
// In the open loop messages are due at a rate, and latency is from when one was due. A message carries
// the time at which it was due, so that whoever receives it knows how long it took to come.
//
// A user may have several devices: the first sends and receives, the others receive.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

type options struct {
	urls     []string // customers connect to the first, vendors to the last
	secret   string
	users    int
	window   int
	warmup   time.Duration
	duration time.Duration
	mode     string
	rate     int
	connects int
	text     int
	pids     []int
	devices  [2]int // of each customer, of each vendor
	pgPid    int
	json     bool
}

func main() {
	var o options
	url := flag.String("url", "http://127.0.0.1:3000", "base URL of the server, on loopback; two, comma-separated: customers connect to the first, vendors to the second")
	flag.StringVar(&o.secret, "secret", "", "HS256 secret to sign the users' tokens with")
	flag.StringVar(&o.mode, "mode", "closed", "closed (a window of unacknowledged sends), open (a rate), storm (connects) or idle")
	flag.IntVar(&o.rate, "rate", 2000, "open loop: messages a second, of all users together")
	flag.IntVar(&o.connects, "connects", 10000, "storm: how many connects; -window of them at once")
	flag.IntVar(&o.users, "users", 200, "connected users, half of them customers and half vendors")
	flag.IntVar(&o.window, "window", 8, "unacknowledged sends of each user")
	flag.DurationVar(&o.warmup, "warmup", 2*time.Second, "time before counting starts")
	flag.DurationVar(&o.duration, "duration", 10*time.Second, "time that is counted")
	flag.IntVar(&o.text, "text", 40, "length of each message in characters")
	pid := flag.String("pid", "", "process ids of the servers, comma-separated, for their CPU time per message")
	flag.IntVar(&o.devices[0], "customer-devices", 1, "connections of each customer")
	flag.IntVar(&o.devices[1], "vendor-devices", 1, "connections of each vendor")
	flag.IntVar(&o.pgPid, "pg-pid", 0, "process id of the Postgres postmaster, for its and its children's CPU time")
	flag.BoolVar(&o.json, "json", false, "print the report as JSON")
	flag.Parse()
	o.urls = strings.Split(*url, ",")
	for _, s := range strings.FieldsFunc(*pid, func(r rune) bool { return r == ',' }) {
		n, _ := strconv.Atoi(s)
		o.pids = append(o.pids, n)
	}
	if err := run(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.secret == "" {
		return fmt.Errorf("-secret is missing: the JWT_SECRET of the server")
	}
	if o.devices[0] < 1 || o.devices[1] < 1 {
		return fmt.Errorf("everybody needs a device")
	}
	if o.users < 2 || o.users%2 != 0 {
		return fmt.Errorf("-users is %d: an even number from 2 is needed", o.users)
	}
	report, err := measure(ctx, o)
	if err != nil {
		return err
	}
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(report)
	}
	report.print(os.Stdout)
	return nil
}

func measure(ctx context.Context, o options) (*report, error) {
	if o.mode == "storm" {
		return connectStorm(ctx, o)
	}
	before := residentOf(o.pids)
	f, err := assemble(ctx, o)
	if err != nil {
		return nil, err
	}
	defer f.close()
	switch o.mode {
	case "closed":
		return f.closedLoop()
	case "open":
		return f.openLoop()
	case "idle":
		return f.idle(before), nil
	}
	return nil, fmt.Errorf("-mode is %q: closed, open, storm or idle", o.mode)
}
