package realtime

import (
	"slices"
	"sync"
	"testing"

	"chaffer/internal/models"
)

// What of returned stays as it was, whoever joins and leaves afterwards, and nobody is lost.
func TestMembersAreNeverChanged(t *testing.T) {
	m := newMembers()
	u := models.UserRef{Type: "customer", ID: "2"}
	a, b, c := &Conn{}, &Conn{}, &Conn{}
	for _, conn := range []*Conn{a, b, c} {
		m.add(u, conn, 0)
	}
	seen := m.of(u)
	m.remove(u, a)
	m.add(u, a, 0)
	if !slices.Equal(seen, []*Conn{a, b, c}) || !slices.Equal(m.of(u), []*Conn{b, c, a}) {
		t.Fatal("a slice that was given out has changed")
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 5000 {
				d := &Conn{}
				m.add(u, d, 0)
				if all := m.of(u); !slices.Contains(all, d) || !slices.Contains(all, c) {
					t.Error("a member was lost")
				}
				m.remove(u, d)
			}
		})
	}
	wg.Wait()
	if m.size() != 3 || m.add(u, &Conn{}, 3) {
		t.Fatalf("%d members", m.size())
	}
	for _, conn := range []*Conn{a, b, c, a} {
		m.remove(u, conn)
	}
	if m.of(u) != nil || len(m.users()) != 0 {
		t.Fatal("somebody stayed")
	}
}
