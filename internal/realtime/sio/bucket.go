package sio

import "time"

// floodTime is how long a client may keep its connection throttled before it is cut.
const floodTime = 5 * time.Second

// bucket is a token bucket that holds two seconds' worth. It is used by one goroutine at a time.
type bucket struct {
	rate      float64 // tokens a second; 0: unlimited
	tokens    float64
	last      time.Time
	throttled time.Time // when it ran empty, and has not been half full since; zero: it has
}

func newBucket(perSecond int) bucket {
	return bucket{rate: float64(perSecond), tokens: 2 * float64(perSecond)}
}

// take returns how long the packet must wait, and false when waiting has gone on for too long.
func (b *bucket) take(now time.Time) (time.Duration, bool) {
	if b.rate == 0 {
		return 0, true
	}
	if !b.last.IsZero() {
		b.tokens = min(b.tokens+now.Sub(b.last).Seconds()*b.rate, 2*b.rate)
	}
	b.last = now
	// Half full, and not just one token: waiting always takes a little longer than asked.
	if b.tokens >= b.rate {
		b.throttled = time.Time{}
	}
	if b.tokens--; b.tokens >= 0 {
		return 0, true
	}
	if b.throttled.IsZero() {
		b.throttled = now
	}
	return time.Duration(-b.tokens / b.rate * float64(time.Second)), now.Sub(b.throttled) < floodTime
}
