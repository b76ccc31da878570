package sio

import (
	"net/netip"
	"sync"
	"time"
)

// addresses counts, for each client address, open connections, and handshakes and failed
// authentications in the current minute. An IPv6 client is its /64 network.
type addresses struct {
	connects, failures, open int // the limits; 0: off

	mu sync.Mutex
	m  map[string]*address
}

// loggedRefusals is how many refusals of one address are logged in a minute.
const loggedRefusals = 20

type address struct {
	open     int
	minute   int64 // Unix minute the two counts below belong to
	connects int
	failures int
	told     int // refusals that were logged
}

func newAddresses(cfg Config) *addresses {
	return &addresses{
		connects: cfg.ConnectsPerMinutePerIP, failures: cfg.FailuresPerMinutePerIP, open: cfg.ConnectionsPerIP,
		m: map[string]*address{},
	}
}

// admit takes a place for a new connection, to be given back with release. Without one it returns
// why, and how long to wait.
func (a *addresses) admit(ip string, now time.Time) (reason string, after time.Duration, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.at(ip, now)
	next := time.Duration(60-now.Unix()%60) * time.Second
	switch {
	case a.failures > 0 && c.failures >= a.failures:
		return "too many failed authentications", next, false
	case a.connects > 0 && c.connects >= a.connects:
		return "too many new connections", next, false
	case a.open > 0 && c.open >= a.open:
		return "too many open connections", 10 * time.Second, false
	}
	c.connects++
	c.open++
	return "", 0, true
}

func (a *addresses) release(ip string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.m[network(ip)]; c != nil {
		c.open--
	}
}

func (a *addresses) failed(ip string, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at(ip, now).failures++
}

// blocked reports whether the address has failed too often in this minute.
func (a *addresses) blocked(ip string, now time.Time) bool {
	if a.failures == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.at(ip, now).failures >= a.failures
}

// tell reports whether one more refusal of an address belongs into the log: the first few of a
// minute do, so that nobody can fill it. last is true for the one after which there is silence.
func (a *addresses) tell(ip string, now time.Time) (ok, last bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.at(ip, now)
	c.told++
	return c.told <= loggedRefusals, c.told == loggedRefusals
}

func (a *addresses) sweep(now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for ip, c := range a.m {
		if c.open <= 0 && c.minute != now.Unix()/60 {
			delete(a.m, ip)
		}
	}
}

func (a *addresses) at(ip string, now time.Time) *address {
	key, minute := network(ip), now.Unix()/60
	c := a.m[key]
	if c == nil {
		c = &address{}
		a.m[key] = c
	}
	if c.minute != minute {
		c.minute, c.connects, c.failures, c.told = minute, 0, 0, 0
	}
	return c
}

func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil || addr.Is4() || addr.Is4In6() {
		return ip
	}
	p, err := addr.WithZone("").Prefix(64)
	if err != nil {
		return ip
	}
	return p.String()
}
