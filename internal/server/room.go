package server

import (
	"math"
	"net/http"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"strings"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/httpjson"
)

const (
	// spareDescriptors are kept from new connections: the database, Redis, files and requests of
	// those who are served need them.
	spareDescriptors = 96
	// fullMemory is the share of GOMEMLIMIT that live memory may take before newcomers are refused.
	fullMemory = 0.8
	lookEvery  = 100 * time.Millisecond
)

// room keeps newcomers away while descriptors or memory run out, so that those who are here stay
// served: new handshakes are answered 503, everything of open connections passes.
type room struct {
	descriptors int   // how many this process may have; 0: not known, any number
	bytes       int64 // GOMEMLIMIT; 0: none
	count       func() int
	live        func() int64

	mu   sync.Mutex
	at   time.Time
	used int // descriptors when they were counted, and everybody let in since
	full bool
}

func newRoom() *room {
	r := &room{descriptors: maxDescriptors(), count: openDescriptors, live: liveMemory}
	if limit := debug.SetMemoryLimit(-1); limit < math.MaxInt64 {
		r.bytes = limit
	}
	return r
}

// guard lets handshakes through while there is room.
func (m *room) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && !r.URL.Query().Has("sid") && !m.enter(time.Now()) {
			w.Header().Set("Connection", "close")
			httpjson.Error(w, r, nil, &apperr.Error{Code: apperr.Unavailable, Message: "This server is full, please try again in a moment", RetryAfter: time.Second})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// enter reports whether one more finds room.
func (m *room) enter(now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(m.at) >= lookEvery {
		m.at, m.used = now, 0
		if m.descriptors > 0 {
			m.used = m.count()
		}
		m.full = m.bytes > 0 && float64(m.live()) > fullMemory*float64(m.bytes)
	}
	if m.full || (m.descriptors > 0 && m.used >= m.descriptors-spareDescriptors) {
		return false
	}
	m.used++
	return true
}

// maxDescriptors is the limit Linux gives this process; elsewhere 0.
func maxDescriptors() int {
	b, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(b), "Max open files")
	fields := strings.Fields(rest)
	if len(fields) == 0 {
		return 0
	}
	n, err := strconv.Atoi(fields[0]) // "unlimited" is 0, too
	if err != nil {
		return 0
	}
	return n
}

func openDescriptors() int {
	d, err := os.Open("/proc/self/fd")
	if err != nil {
		return 0
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return 0
	}
	return len(names)
}

// liveMemory is what the last collection found in use.
func liveMemory() int64 {
	s := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(s)
	if s[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return int64(s[0].Value.Uint64())
}
