package security

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/realtime/siotest"
)

// another starts one more node on an empty database of the same kind, for rows that find their settings out
// while they run.
func (s *site) another(settings map[string]string) *site {
	s.Helper()
	database := dbtest.SQLite
	if s.db.Dialect == db.Postgres {
		database = dbtest.Postgres
	}
	other := start(s.T, database(s.T), settings)
	other.socket = s.socket
	return other
}

// burst sends packets at once: over long-polling as one payload.
func (s *site) burst(c *siotest.Client, packets ...string) {
	if s.socket != nil {
		c.Raw(strings.Join(packets, "\x1e"))
		return
	}
	for _, p := range packets {
		c.Raw(p)
	}
}

// figure is one of the node's own figures, -1 when it does not tell it.
func (s *site) figure(name string) float64 {
	s.Helper()
	for line := range strings.Lines(figures(s.T, s.metrics)) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), name+" "); ok {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				s.Errorf("%s is %q", name, value)
			}
			return n
		}
	}
	return -1
}

// sessions is how many sockets the node counts in a namespace.
func (s *site) sessions(nsp string) int {
	s.Helper()
	return int(s.figure(fmt.Sprintf("chaffer_sockets{namespace=%q}", nsp)))
}

// emptied waits until the node counts nobody any more.
func (s *site) emptied() {
	s.Helper()
	s.until("node without sessions", func() string {
		if s.sessions("/presence") == 0 && s.sessions("/chat") == 0 {
			return "none"
		}
		return ""
	})
}

// kinds counts what came of one kind in a namespace.
func kinds(c *siotest.Client, kind byte, nsp string) (n int) {
	for _, r := range c.Received() {
		if r.Kind == kind && r.Nsp == nsp {
			n++
		}
	}
	return n
}

// bearer is the header of somebody who has signed in.
func bearer(token string) siotest.Option {
	return siotest.WithHeader("Authorization", "Bearer "+token)
}

// from is a client behind the proxy that the node trusts, with an address of its own.
func from(address string) siotest.Option { return siotest.WithHeader("X-Forwarded-For", address) }

// plain is a connection to the node, closed with the row.
func (s *site) plain() net.Conn {
	s.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}
