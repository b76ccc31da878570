package chat

import (
	"context"
	"sync"
	"time"
)

// The transport's own heartbeats come every twenty seconds. A delivered tick should not take that
// long, and whoever comes back after a node was killed should not get again what they have: so a
// heartbeat follows the first message after a quiet moment within proveSoon, and others follow a stream
// of them: as often as proveCost for each socket that has such a stream allows, at least every proveMost.
const (
	proveSoon  = 50 * time.Millisecond
	proveLeast = 100 * time.Millisecond
	proveMost  = time.Second
	proveCost  = 1500 * time.Microsecond // 670 heartbeats a second in all
)

// prover writes a heartbeat to sockets that were given messages since their last one.
type prover struct {
	wake chan struct{}

	mu      sync.Mutex
	waiting []*session
}

func newProver() *prover { return &prover{wake: make(chan struct{}, 1)} }

// add asks for a heartbeat.
func (p *prover) add(s *session) {
	p.mu.Lock()
	p.waiting = append(p.waiting, s)
	first := len(p.waiting) == 1
	p.mu.Unlock()
	if first {
		nudge(p.wake)
	}
}

func (p *prover) run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(proveSoon):
		}
		p.prove(time.Now())
	}
}

// prove writes the heartbeats that are due and keeps the others waiting.
func (p *prover) prove(now time.Time) {
	p.mu.Lock()
	due := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	every := proveEvery(len(due))
	for _, s := range due {
		if !s.mayProve(now, every) {
			p.add(s)
			continue
		}
		s.conn.Ping()
	}
}

// proveEvery is the time between two heartbeats of a socket while that many want some.
func proveEvery(sockets int) time.Duration {
	return min(max(time.Duration(sockets)*proveCost, proveLeast), proveMost)
}

// mayProve reports whether the socket's last heartbeat of this kind is long enough ago, or the socket
// has gone; and notes the new one.
func (s *session) mayProve(now time.Time, every time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.proved) < every && s.conn.Context().Err() == nil {
		return false
	}
	s.proved = now
	return true
}
