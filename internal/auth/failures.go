package auth

import (
	"net/netip"
	"sync"
	"time"

	"chaffer/internal/apperr"
)

// maxAddresses bounds what Failures remembers.
const maxAddresses = 10_000

// Failures counts failed authentications by address. Past the limit a failing caller hears 429
// and stops being told why; a good token from the same address still works, because behind one
// address there may be a whole office, and one of them with an old page open.
type Failures struct {
	perMinute int
	now       func() time.Time

	mu    sync.Mutex
	since map[netip.Addr]*failure
}

type failure struct {
	start time.Time // of the minute that is counted
	count int
}

// NewFailures allows perMinute failures an address and minute; 0 allows any number.
func NewFailures(perMinute int) *Failures {
	return &Failures{perMinute: perMinute, now: time.Now, since: map[netip.Addr]*failure{}}
}

// Note counts one failure and returns nil, or apperr.TooMany with the time to wait.
func (f *Failures) Note(addr netip.Addr) error {
	if f == nil || f.perMinute <= 0 {
		return nil
	}
	if addr = addr.Unmap(); addr.Is6() { // one subscriber has a /64 to choose addresses from
		p, _ := addr.WithZone("").Prefix(64)
		addr = p.Addr()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	e := f.since[addr]
	if e == nil || now.Sub(e.start) >= time.Minute {
		if len(f.since) >= maxAddresses {
			f.forget(now)
		}
		e = &failure{start: now}
		f.since[addr] = e
	}
	if e.count++; e.count > f.perMinute {
		return apperr.Later("Too many failed attempts from your address: wait, then try again with a valid token", e.start.Add(time.Minute).Sub(now))
	}
	return nil
}

// forget drops what is over, and everything when that is not enough: a flood from many
// addresses is stopped by the connection limits, not here.
func (f *Failures) forget(now time.Time) {
	for a, e := range f.since {
		if now.Sub(e.start) >= time.Minute {
			delete(f.since, a)
		}
	}
	if len(f.since) >= maxAddresses {
		clear(f.since)
	}
}
