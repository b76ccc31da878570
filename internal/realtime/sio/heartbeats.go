package sio

import "sync"

// heartbeats matches answers to pings. Pings are answered in order, so the n-th answer belongs to
// the n-th ping. At most one ping at a time is reported to the peers, so that their answer is
// never mistaken for an earlier one.
type heartbeats struct {
	mu       sync.Mutex
	sent     uint64
	answered uint64
	reported uint64 // number of the ping the peers wait for; 0: none
	again    bool   // Ping was asked for meanwhile
}

// Ping writes a heartbeat now, or as soon as the one under way is answered. The library takes the
// additional answer as a sign of life and starts its interval anew.
func (l *Link) Ping() {
	l.beats.mu.Lock()
	busy := l.beats.reported != 0
	l.beats.again = busy
	l.beats.mu.Unlock()
	if !busy {
		l.engine.Write(pingMarker, nil, nil)
	}
}

// pinged runs when a ping, ours or the library's, is about to be queued.
func (l *Link) pinged() {
	l.beats.mu.Lock()
	l.beats.sent++
	report := l.beats.reported == 0
	if report {
		l.beats.reported = l.beats.sent
	}
	l.beats.mu.Unlock()
	if !report {
		return
	}
	for _, s := range l.all() {
		s.peer.Pinged()
	}
}

// ponged runs on the reader for every pong; one that answers nothing is ignored.
func (l *Link) ponged() {
	l.beats.mu.Lock()
	if l.beats.answered == l.beats.sent {
		l.beats.mu.Unlock()
		return
	}
	l.beats.answered++
	report := l.beats.reported != 0 && l.beats.answered >= l.beats.reported
	again := report && l.beats.again
	if report {
		l.beats.reported, l.beats.again = 0, false
	}
	l.beats.mu.Unlock()
	if report {
		for _, s := range l.all() {
			s.peer.Ponged()
		}
	}
	if again {
		l.Ping()
	}
}
