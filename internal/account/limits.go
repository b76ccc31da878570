package account

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"chaffer/internal/apperr"
)

// What one network address, and one e-mail address, may try.
const (
	perAddress = 120 // a minute: behind one address there may be a whole office
	perEmail   = 10
	remembered = 20_000
)

type limits struct {
	mu   sync.Mutex
	seen *lru.Cache[string, *rate.Limiter]
}

func newLimits() *limits {
	seen, err := lru.New[string, *rate.Limiter](remembered)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &limits{seen: seen}
}

// take counts one try, or is apperr.TooMany.
func (l *limits) take(address, email string) error {
	for key, perMinute := range map[string]int{"a:" + address: perAddress, "e:" + email: perEmail} {
		if !l.of(key, perMinute).Allow() {
			return apperr.Later("Too many tries, please wait a minute", time.Minute)
		}
	}
	return nil
}

func (l *limits) of(key string, perMinute int) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	if limiter, ok := l.seen.Get(key); ok {
		return limiter
	}
	limiter := rate.NewLimiter(rate.Every(time.Minute/time.Duration(perMinute)), perMinute)
	l.seen.Add(key, limiter)
	return limiter
}
