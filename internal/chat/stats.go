package chat

import "sync/atomic"

// Stats are this node's counters since it started.
type Stats struct {
	Stored   uint64 // messages committed
	Commits  uint64 // transactions that stored messages
	Repeated uint64 // sends answered with the first result of their key
	Refused  uint64 // sends that reached the committer and were not stored
	Healed   uint64 // chats that a sweep had read again for a socket
}

type counters struct{ stored, commits, repeated, refused, healed atomic.Uint64 }

// Stats reads the counters.
func (s *Service) Stats() Stats {
	c := &s.counters
	return Stats{Stored: c.stored.Load(), Commits: c.commits.Load(), Repeated: c.repeated.Load(), Refused: c.refused.Load(), Healed: c.healed.Load()}
}
