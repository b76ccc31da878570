package sio

import "sync/atomic"

type counters struct {
	opened    atomic.Int64
	refused   atomic.Uint64
	limited   atomic.Uint64
	in        atomic.Uint64
	out       atomic.Uint64
	slow      atomic.Uint64
	throttled atomic.Uint64
	flooded   atomic.Uint64
	panics    atomic.Uint64
}

// Counters is a reading of what the server has counted since its start.
type Counters struct {
	Connections   int    // open now
	Refused       uint64 // requests the guard turned away, for whatever reason
	RateLimited   uint64 // of these: handshakes over a limit of their address
	EventsIn      uint64
	FramesOut     uint64 // events and acknowledgements queued
	SlowConsumers uint64 // connections cut because they did not read
	Throttled     uint64 // packets that had to wait
	Flooded       uint64 // connections cut because they went on regardless
	Panics        uint64 // recovered in callbacks
}

// Counters reads the counters.
func (s *Server) Counters() Counters {
	c := &s.count
	return Counters{
		Connections: int(c.opened.Load()), Refused: c.refused.Load(), RateLimited: c.limited.Load(),
		EventsIn: c.in.Load(), FramesOut: c.out.Load(), SlowConsumers: c.slow.Load(),
		Throttled: c.throttled.Load(), Flooded: c.flooded.Load(), Panics: c.panics.Load(),
	}
}
