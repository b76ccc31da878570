// Package porttest finds ports for the servers that tests and measurements start.
package porttest

import (
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"
)

// Ports that systems give to outgoing connections begin at 32768 (Linux) or 49152 (RFC 6335): one of those may be
// somebody's by the time a server is told to take it, or while it is started again.
const first, last = 10_000, 32_767

var (
	mu   sync.Mutex // guards next
	next = first + rand.IntN(last-first+1)
)

var errNone = errors.New("no port from " + strconv.Itoa(first) + " to " + strconv.Itoa(last) + " is free on 127.0.0.1")

// Take returns a TCP port of 127.0.0.1 on which nobody listens. This process does not get it again until it has had
// all others; processes beside it begin somewhere else.
func Take() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	for range last - first + 1 {
		port := next
		if next++; next > last {
			next = first
		}
		ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		return port, ln.Close()
	}
	return 0, errNone
}

// Port is Take for a test.
func Port(tb testing.TB) int {
	tb.Helper()
	port, err := Take()
	if err != nil {
		tb.Fatal(err)
	}
	return port
}

// Address is a port of Take's with its host.
func Address(tb testing.TB) string {
	tb.Helper()
	return "127.0.0.1:" + strconv.Itoa(Port(tb))
}
