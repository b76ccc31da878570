package realtime

import (
	"slices"
	"sync"

	"chaffer/internal/models"
)

// members is a namespace's registry: identity → sockets of this node, under one lock, so that
// joining and leaving at the same moment never loses anyone. The slices are never changed once
// they are in the map, so they can be handed out without copying.
type members struct {
	mu    *sync.RWMutex
	byRef map[models.UserRef][]*Conn
}

func newMembers() members {
	return members{mu: new(sync.RWMutex), byRef: map[models.UserRef][]*Conn{}}
}

// add enters a socket; false when the user has limit sockets already (0: no limit).
func (m members) add(u models.UserRef, c *Conn, limit int) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.byRef[u]
	if limit > 0 && len(old) >= limit {
		return false
	}
	m.byRef[u] = append(slices.Clip(slices.Clone(old)), c)
	return true
}

func (m members) remove(u models.UserRef, c *Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	old := m.byRef[u]
	i := slices.Index(old, c)
	switch {
	case i < 0:
	case len(old) == 1:
		delete(m.byRef, u)
	default:
		m.byRef[u] = slices.Concat(old[:i], old[i+1:])
	}
}

func (m members) of(u models.UserRef) []*Conn {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byRef[u]
}

func (m members) users() []models.UserRef {
	m.mu.RLock()
	defer m.mu.RUnlock()
	all := make([]models.UserRef, 0, len(m.byRef))
	for u := range m.byRef {
		all = append(all, u)
	}
	return all
}

func (m members) size() int {
	m.mu.RLock()
	defer m.mu.RUnlock()
	n := 0
	for _, c := range m.byRef {
		n += len(c)
	}
	return n
}
