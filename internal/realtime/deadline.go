package realtime

import (
	"context"
	"sync"
	"time"
)

// deadlineStep is how long one context serves the events that begin.
const deadlineStep = 100 * time.Millisecond

// deadlines gives handlers their contexts. Those that begin within deadlineStep share one: a timer
// for each event costs more than the 100 ms by which a deadline may come early are worth.
type deadlines struct {
	parent context.Context

	mu      sync.Mutex
	current context.Context
	until   time.Time
}

// next is a context that ends after handlerTTL, or up to deadlineStep before.
func (d *deadlines) next() context.Context {
	now := time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.current == nil || now.After(d.until) {
		ctx, cancel := context.WithDeadline(d.parent, now.Add(handlerTTL))
		context.AfterFunc(ctx, cancel)
		d.current, d.until = ctx, now.Add(deadlineStep)
	}
	return d.current
}
