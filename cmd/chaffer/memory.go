package main

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcMost is GOGC while the heap is small: sending costs a sixth less CPU than with Go's 100, for
	// some 50 MB more under load. gcRoom is how much garbage may wait at most: with many connections
	// the heap is large, and the same percentage would be hundreds of MB.
	gcMost, gcLeast = 400, 50
	gcRoom          = 96 << 20 // bytes

	memoryEvery = time.Second
	quietRate   = 4 << 20 // bytes allocated in a second up to which nothing much happens; for
	quietFor    = 3       // seconds
	worthwhile  = 8 << 20 // bytes that are given back at least
	shrinks     = 2       // collections before: each halves the stacks that have become too large
)

// memory chooses GOGC by the size of the heap, and after a busy time gives back what is not needed. An
// environment that has GOGC has chosen itself.
type memory struct {
	percent  int
	last     uint64 // bytes allocated so far, at the last look
	quiet    int    // looks in a row at which little had been allocated
	released bool   // nothing much was allocated since memory was given back
}

var samples = []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}

// watch looks every second until ctx ends.
func (m *memory) watch(ctx context.Context) {
	t := time.NewTicker(memoryEvery)
	defer t.Stop()
	for {
		metrics.Read(samples)
		percent, release := m.look(samples[0].Value.Uint64(), samples[1].Value.Uint64(), samples[2].Value.Uint64())
		if percent != m.percent {
			m.percent = percent
			debug.SetGCPercent(percent)
		}
		if release {
			for range shrinks {
				runtime.GC()
			}
			debug.FreeOSMemory()
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// look decides by the bytes that were live after the last collection, were allocated so far, and are
// there now.
func (m *memory) look(live, allocated, there uint64) (percent int, release bool) {
	percent = gcMost
	if live > 0 {
		percent = int(min(gcMost, max(gcLeast, gcRoom*100/live)))
	}
	if d := percent - m.percent; -10 < d && d < 10 {
		percent = m.percent // not worth a change
	}
	if allocated-m.last > quietRate {
		m.quiet, m.released = 0, false
	} else {
		m.quiet++
	}
	m.last = allocated
	if m.quiet >= quietFor && !m.released {
		m.released = true
		release = there > live+worthwhile
	}
	return percent, release
}
