package chat

import (
	"context"
	"sync"
	"time"
)

// The transport's own heartbeats come every twenty seconds. A delivered tick should not take that
// long, and whoever comes back after a short break should not get again what they have: so a
// heartbeat follows the first message after a quiet moment within proveSoon, and one every proveEvery
// follows a stream of them.
const (
	proveSoon  = 200 * time.Millisecond
	proveEvery = 400 * time.Millisecond
)

// prover writes a heartbeat to sockets that were given messages since their last one.
type prover struct {
	mu      sync.Mutex
	waiting []*session
}

func newProver() *prover { return &prover{} }

// add asks for a heartbeat.
func (p *prover) add(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, s)
}

func (p *prover) run(ctx context.Context) {
	tick := time.NewTicker(proveSoon)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		p.mu.Lock()
		due := p.waiting
		p.waiting = nil
		p.mu.Unlock()
		now := time.Now()
		for _, s := range due {
			if !s.mayProve(now) {
				p.add(s)
				continue
			}
			s.conn.Ping()
		}
	}
}

// mayProve reports whether the socket's last heartbeat of this kind is long enough ago, or the socket
// has gone; and notes the new one.
func (s *session) mayProve(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.proved) < proveEvery && s.conn.Context().Err() == nil {
		return false
	}
	s.proved = now
	return true
}
