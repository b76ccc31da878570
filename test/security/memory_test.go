package security

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/porttest"
	"chaffer/internal/realtime/siotest"
)

// memoryRow is an attack on a real server in a process of its own, where what it leaves behind can be seen:
// it is done once so that everything is warm, and then often.
type memoryRow struct {
	number, name string
	times        int
	bytes        float64 // by which the live heap may have grown afterwards
	attack       func(s *site, i int)
	seen         string
}

var memoryRows = []memoryRow{
	{"T09", "tokens of 5 KB to 1 MB cost no memory", 1000, 1 << 20, func(s *site, i int) {
		switch i % 8 {
		case 0, 1, 2, 3, 4:
			s.want(401, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+strings.Repeat(".", 5<<10))
		case 5, 6:
			s.T.Run("socket", func(t *testing.T) { // which closes the connection when it ends
				c := siotest.Dial(t, s.url)
				if _, err := c.TryConnect("/presence", map[string]string{"token": strings.Repeat(".", 60<<10)}); err != nil {
					t.Error(err)
				}
				c.Expect("/presence", "appError", siotest.Timeout)
				c.Close()
			})
		default:
			res, err := s.ask1MB()
			if err == nil && res != 431 {
				s.Errorf("a header of 1 MB: %d", res)
			}
		}
	}, "1,000 tries over REST and sockets: the live heap of the process has grown by less than 1 MB"},
	{"T25", "10,000 names cost no memory", 100, 1 << 20, func(s *site, _ int) {
		s.T.Run("socket", func(t *testing.T) {
			c := siotest.Dial(t, s.url)
			for range 100 {
				c.Raw("40/" + strings.Repeat("n", 400) + ",")
			}
			c.ExpectClosed(siotest.Timeout)
		})
	}, "100 connections with 100 names each: the live heap of the process has grown by less than 1 MB"},
	{"T38", "bodies and frames over 64 KB cost no memory", 200, 1 << 20, func(s *site, i int) {
		s.T.Run("body", func(t *testing.T) {
			if i%2 == 0 {
				c := siotest.Dial(t, s.url)
				c.Raw("40/" + strings.Repeat("n", 64<<10) + ",")
				c.ExpectClosed(siotest.Timeout)
				return
			}
			p := siotest.OpenPolling(t, s.url)
			if a := p.Do(http.MethodPost, struct{ io.Reader }{strings.NewReader(strings.Repeat("4", 64<<10+1))}); a.Status != 413 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
		})
	}, "200 of them: the live heap of the process has grown by less than 1 MB"},
}

// attackProcess runs the rows against one process, and then leaves 500 connections open that never join.
func attackProcess(t *testing.T) {
	metrics := porttest.Address(t)
	address, _ := run(t, buildBinary(t), map[string]string{
		"DATABASE_URL": dbtest.SQLite(t), "JWT_SECRET": secret, "JWT_ISSUER": "shop", "JWT_AUDIENCE": "chaffer", "METRICS_ADDR": metrics,
		"LIMIT_FAILURES_PER_MINUTE_PER_IP": "0", "LIMIT_CONNECTS_PER_MINUTE_PER_IP": "0", "LIMIT_CONNECTIONS_PER_IP": "0",
	})
	for _, row := range memoryRows {
		t.Run(row.number, func(t *testing.T) {
			s := &site{T: t, url: address, metrics: metrics}
			seen := ""
			defer func() { report(t, row.number, row.name, onSQLite, seen) }()
			for i := range 100 {
				row.attack(s, i)
			}
			before := s.settled()
			for i := range row.times {
				row.attack(s, i)
			}
			grown := 0.0
			s.until("heap as it was before", func() string { // what has just been closed may take a moment
				if grown = s.heap() - before; grown < row.bytes {
					return "yes"
				}
				return ""
			})
			t.Logf("the live heap has grown by %.0f KB, from %.0f", grown/1024, before/1024)
			seen = row.seen
		})
	}
	t.Run("T26", func(t *testing.T) {
		s := &site{T: t, url: address, metrics: metrics}
		seen := ""
		defer func() {
			report(t, "T26", "500 connections that never join leave nothing", onSQLite, seen)
		}()
		const open = 500
		before := s.figure("go_goroutines")
		var all []*siotest.Client
		for range open {
			all = append(all, siotest.Dial(t, address))
		}
		if most := s.figure("go_goroutines"); most < before+open {
			t.Errorf("%.0f goroutines, then %.0f: is it looked at?", before, most)
		}
		for _, c := range all {
			c.ExpectClosed(3 * siotest.Timeout)
		}
		s.until("node with as many goroutines as before", func() string {
			if s.figure("go_goroutines") < before+open/10 {
				return "yes"
			}
			return ""
		})
		seen = "closed after 10 s; the process has as many goroutines as before"
	})
}

// heap is what is alive in the process after it has collected its garbage.
func (s *site) heap() float64 {
	s.Helper()
	res, err := http.Get("http://" + s.metrics + "/debug/pprof/heap?gc=1")
	if err != nil {
		s.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return s.figure("go_memstats_heap_alloc_bytes")
}

// settled is the heap when it does not fall any more: buffers and connections that have just been given back
// are gone, and would else make room for what the attack leaves.
func (s *site) settled() float64 {
	s.Helper()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	lowest := s.heap()
	for steady := 0; steady < 8; steady++ {
		<-tick.C
		if now := s.heap(); now < lowest-32<<10 {
			lowest, steady = now, 0
		}
	}
	return lowest
}

// ask1MB sends a token of 1 MB over REST. An error: the connection was cut while it was still being sent.
func (s *site) ask1MB() (status int, err error) {
	req, err := http.NewRequest(http.MethodGet, s.url+"/api/v1/chats", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Authorization", "Bearer "+strings.Repeat(".", 1<<20))
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	_ = res.Body.Close()
	return res.StatusCode, nil
}
