package chat

import (
	"context"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"chaffer/internal/models"
)

// limitedUsers bounds how many people's limits are remembered; who has been quiet longest is
// forgotten first, and starts with full buckets again.
const limitedUsers = 100_000

// Rates are what one person may do; 0 turns a limit off.
type Rates struct {
	SendsPerSecond  int
	SendsPerMinute  int
	NewChatsPerHour int
}

// LocalLimiter is the Limiter of a single node: token buckets in memory.
type LocalLimiter struct {
	rates Rates

	mu    sync.Mutex
	users *lru.Cache[models.UserRef, *buckets]
}

type buckets struct{ second, minute, chats *rate.Limiter }

// NewLocalLimiter returns a limiter that remembers nobody yet.
func NewLocalLimiter(r Rates) *LocalLimiter {
	users, err := lru.New[models.UserRef, *buckets](limitedUsers)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &LocalLimiter{rates: r, users: users}
}

// Send implements Limiter.
func (l *LocalLimiter) Send(_ context.Context, u models.UserRef) time.Duration {
	b := l.of(u)
	return take(b.second, b.minute)
}

// OpenChat implements Limiter.
func (l *LocalLimiter) OpenChat(_ context.Context, u models.UserRef) time.Duration {
	return take(l.of(u).chats)
}

func (l *LocalLimiter) of(u models.UserRef) *buckets {
	l.mu.Lock()
	defer l.mu.Unlock()
	if b, ok := l.users.Get(u); ok {
		return b
	}
	b := &buckets{
		second: per(time.Second, l.rates.SendsPerSecond),
		minute: per(time.Minute, l.rates.SendsPerMinute),
		chats:  per(time.Hour, l.rates.NewChatsPerHour),
	}
	l.users.Add(u, b)
	return b
}

// per is n in any stretch of d, all at once if need be.
func per(d time.Duration, n int) *rate.Limiter {
	if n <= 0 {
		return rate.NewLimiter(rate.Inf, 0)
	}
	return rate.NewLimiter(rate.Limit(float64(n)/d.Seconds()), n)
}

// take takes one token of each, or none and says how long to wait.
func take(limiters ...*rate.Limiter) time.Duration {
	now := time.Now()
	taken := make([]*rate.Reservation, 0, 2)
	for _, l := range limiters {
		r := l.ReserveN(now, 1)
		taken = append(taken, r)
		if wait := r.DelayFrom(now); wait > 0 {
			for _, t := range taken {
				t.CancelAt(now)
			}
			return wait
		}
	}
	return 0
}
