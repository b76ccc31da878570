package presence

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/models"
)

// rememberedSeen bounds how many departed users' last-seen times are kept.
const rememberedSeen = 100_000

// Memory is the Tracker of a single node.
type Memory struct {
	grace time.Duration
	now   func() time.Time
	seen  *lru.Cache[models.UserRef, time.Time]

	mu        sync.Mutex
	users     map[models.UserRef]*presence
	waiting   map[models.UserRef][]chan struct{}
	listeners []func(Change)
	closed    bool

	tell    sync.Mutex // held while listeners are called, so that they hear changes in order
	changes []Change
}

type presence struct {
	sockets map[string]struct{}
	leaving *time.Timer // runs while sockets is empty
}

// NewMemory returns an empty tracker whose users stay online for grace after their last socket.
func NewMemory(grace time.Duration) *Memory {
	seen, err := lru.New[models.UserRef, time.Time](rememberedSeen)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &Memory{
		grace: grace, now: time.Now, seen: seen,
		users: map[models.UserRef]*presence{}, waiting: map[models.UserRef][]chan struct{}{},
	}
}

// Add implements Tracker; it never fails.
func (m *Memory) Add(_ context.Context, u models.UserRef, socketID string) error {
	m.mu.Lock()
	p, known := m.users[u]
	if !known {
		p = &presence{sockets: map[string]struct{}{}}
		m.users[u] = p
		m.changes = append(m.changes, Change{User: u, Online: true})
	}
	if p.leaving != nil {
		p.leaving.Stop()
		p.leaving = nil
	}
	p.sockets[socketID] = struct{}{}
	for _, ready := range m.waiting[u] {
		close(ready)
	}
	delete(m.waiting, u)
	m.mu.Unlock()
	m.announce()
	return nil
}

// Remove implements Tracker; it never fails.
func (m *Memory) Remove(_ context.Context, u models.UserRef, socketID string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, known := m.users[u]
	if !known {
		return nil
	}
	delete(p.sockets, socketID)
	if len(p.sockets) == 0 && p.leaving == nil && !m.closed {
		m.seen.Add(u, m.now())
		p.leaving = time.AfterFunc(m.grace, func() { m.leave(u, p) })
	}
	return nil
}

func (m *Memory) leave(u models.UserRef, p *presence) {
	m.mu.Lock()
	if m.closed || m.users[u] != p || len(p.sockets) > 0 {
		m.mu.Unlock()
		return
	}
	delete(m.users, u)
	seen, _ := m.seen.Get(u)
	m.changes = append(m.changes, Change{User: u, LastSeen: seen})
	m.mu.Unlock()
	m.announce()
}

// announce hands over the changes in the order in which they were noted.
func (m *Memory) announce() {
	m.tell.Lock()
	defer m.tell.Unlock()
	m.mu.Lock()
	changes, listeners := m.changes, m.listeners
	m.changes = nil
	m.mu.Unlock()
	for _, c := range changes {
		for _, listener := range listeners {
			listener(c)
		}
	}
}

// Online implements Tracker.
func (m *Memory) Online(_ context.Context, u models.UserRef) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.users[u] != nil
}

// Wait implements Tracker.
func (m *Memory) Wait(ctx context.Context, u models.UserRef) error {
	m.mu.Lock()
	if p := m.users[u]; p != nil && len(p.sockets) > 0 {
		m.mu.Unlock()
		return nil
	}
	ready := make(chan struct{})
	m.waiting[u] = append(m.waiting[u], ready)
	m.mu.Unlock()
	select {
	case <-ready:
		return nil
	case <-ctx.Done():
		m.forget(u, ready)
		return ctx.Err()
	}
}

func (m *Memory) forget(u models.UserRef, ready chan struct{}) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest := m.waiting[u][:0]
	for _, other := range m.waiting[u] {
		if other != ready {
			rest = append(rest, other)
		}
	}
	if len(rest) == 0 {
		delete(m.waiting, u)
		return
	}
	m.waiting[u] = rest
}

// LastSeen implements Tracker.
func (m *Memory) LastSeen(_ context.Context, u models.UserRef) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if p := m.users[u]; p != nil && len(p.sockets) > 0 {
		return m.now()
	}
	seen, _ := m.seen.Get(u)
	return seen
}

// Subscribe implements Tracker.
func (m *Memory) Subscribe(listener func(Change)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.listeners = append(m.listeners, listener)
}

// Close implements Tracker.
func (m *Memory) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	for _, p := range m.users {
		if p.leaving != nil {
			p.leaving.Stop()
		}
	}
}
