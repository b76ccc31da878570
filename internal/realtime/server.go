package realtime

import (
	"context"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"chaffer/internal/realtime/sio"
)

// Server speaks Socket.IO. Namespaces are declared first, then Handler serves, then Shutdown ends it.
type Server struct {
	o          Options
	log        *slog.Logger
	sio        *sio.Server
	namespaces []*Namespace
	dialects   map[string]map[string]*Namespace // path → name → another contract's sockets
	ctx        context.Context                  // of handlers: ends when Shutdown has waited long enough
	cancel     context.CancelFunc
	deadlines  deadlines
	count      struct {
		refused, panics, expired atomic.Uint64
	}
}

// NewServer prepares a server; it runs one goroutine until Shutdown.
func NewServer(o Options) *Server {
	o = o.withDefaults()
	s := &Server{o: o, log: o.Log, dialects: map[string]map[string]*Namespace{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.deadlines.parent = s.ctx
	s.sio = sio.New(sio.Config{
		AllowedOrigins: o.AllowedOrigins, ClientIP: o.ClientIP, Cookies: o.Cookies, AllowOrigin: o.AllowOrigin,
		PingInterval: o.PingInterval, PingTimeout: o.PingTimeout,
		PacketsPerSecond:       o.Limits.PacketsPerSecond,
		ConnectsPerMinutePerIP: o.Limits.ConnectsPerMinutePerIP,
		ConnectionsPerIP:       o.Limits.ConnectionsPerIP,
		FailuresPerMinutePerIP: o.Limits.FailuresPerMinutePerIP,
		Log:                    o.Log,
		Panic: func(where string, v any, stack []byte) {
			o.Log.Error("panic recovered", "where", where, "panic", v, "stack", string(stack))
		},
	})
	return s
}

// Handler serves everything under /socket.io/.
func (s *Server) Handler() http.Handler { return s.sio }

// Shutdown refuses new handshakes with 503, closes the connections one after the other within
// spread, so that they do not all come back at the same moment, and waits for every handler,
// hook and goroutine. When ctx ends first, handlers' contexts are cancelled and its error returned.
func (s *Server) Shutdown(ctx context.Context, spread time.Duration) error {
	defer s.cancel()
	return s.sio.Shutdown(ctx, spread)
}

// Stats is a reading of the server's counters.
type Stats struct {
	sio.Counters
	Sockets map[string]int // authenticated sockets by namespace
	Denied  uint64         // sockets refused or cut with a failure: tokens, limits, Connect hooks
	Expired uint64         // of these: tokens that expired while connected
}

// Stats reads the counters; Panics includes those of handlers and hooks.
func (s *Server) Stats() Stats {
	st := Stats{Counters: s.sio.Counters(), Sockets: map[string]int{}, Denied: s.count.refused.Load(), Expired: s.count.expired.Load()}
	st.Panics += s.count.panics.Load()
	for _, n := range s.namespaces {
		st.Sockets[n.path] += n.members.size()
	}
	return st
}
