package chat

import (
	"context"
	"sync"
	"time"
)

// The transport's own heartbeats come every twenty seconds. A delivered tick should not take that
// long, and whoever comes back after a node was killed should not get again what they have: so a
// heartbeat follows the first message after a quiet moment within proveSoon, and others follow a stream
// of them: as often as proveCost for each of them allows, at least once in proveMost.
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

// prove writes the heartbeats that are due, those that wait longest first, and keeps the others waiting. Many are
// spread over the moments that follow: their answers, and the positions they prove, come as evenly.
func (p *prover) prove(now time.Time) {
	p.mu.Lock()
	due := p.waiting
	p.waiting = nil
	p.mu.Unlock()
	budget := proveAtOnce(len(due))
	var kept []*session
	for _, s := range due {
		if budget == 0 || !s.mayProve(now) {
			kept = append(kept, s)
			continue
		}
		budget--
		s.conn.Ping()
	}
	if len(kept) == 0 {
		return
	}
	p.mu.Lock()
	p.waiting = append(kept, p.waiting...)
	p.mu.Unlock()
	nudge(p.wake)
}

// proveAtOnce is how many of the sockets that want a heartbeat get it now, proveSoon after the last ones did.
func proveAtOnce(sockets int) int {
	return max(int(proveSoon/proveCost), 1+sockets*int(proveSoon)/int(proveMost))
}

// mayProve reports whether the socket's last heartbeat of this kind is long enough ago, or the socket
// has gone; and notes the new one.
func (s *session) mayProve(now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.Sub(s.proved) < proveLeast && s.conn.Context().Err() == nil {
		return false
	}
	s.proved = now
	return true
}
