package chat

import (
	"context"
	"sync"
	"time"
)

// proveEvery is how soon after a message its socket is asked for a sign of life. The transport's own
// heartbeats come every twenty seconds; a delivered tick should not take that long, and whoever comes
// back after a short break should not get again what they have.
const proveEvery = time.Second

// prover writes a heartbeat to sockets that were given messages since their last one.
type prover struct {
	mu      sync.Mutex
	waiting []*session
}

func newProver() *prover { return &prover{} }

// add asks for a heartbeat within proveEvery.
func (p *prover) add(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting = append(p.waiting, s)
}

func (p *prover) run(ctx context.Context) {
	tick := time.NewTicker(proveEvery)
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
		for _, s := range due {
			s.conn.Ping()
		}
	}
}
