// Package limit bounds what one person may do on all nodes together. The count is kept in Redis,
// by Redis's clock; while Redis is away each node counts for itself.
package limit

import (
	"context"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/redis"
)

// askTimeout bounds a question; a Redis that is slower decides nothing.
const askTimeout = 50 * time.Millisecond

// Rates are what one person may do; 0 turns a limit off.
type Rates struct {
	SendsPerSecond  int
	SendsPerMinute  int
	NewChatsPerHour int
}

// Local is this node's own count, which always applies too.
type Local interface {
	Send(ctx context.Context, u models.UserRef) time.Duration
	OpenChat(ctx context.Context, u models.UserRef) time.Duration
}

// Shared is a limiter over all nodes.
type Shared struct {
	client *redis.Client
	rates  Rates
	local  Local
}

// New returns a limiter that asks local first, then Redis.
func New(client *redis.Client, rates Rates, local Local) *Shared {
	return &Shared{client: client, rates: rates, local: local}
}

// Send counts a message and returns 0, or how long to wait.
func (s *Shared) Send(ctx context.Context, u models.UserRef) time.Duration {
	if wait := s.local.Send(ctx, u); wait > 0 {
		return wait
	}
	var buckets []any
	if s.rates.SendsPerSecond > 0 {
		buckets = append(buckets, s.rates.SendsPerSecond, time.Second.Milliseconds())
	}
	if s.rates.SendsPerMinute > 0 {
		buckets = append(buckets, s.rates.SendsPerMinute, time.Minute.Milliseconds())
	}
	return s.take(ctx, "chaffer:limit:send:"+u.String(), buckets)
}

// OpenChat counts a new chat and returns 0, or how long to wait.
func (s *Shared) OpenChat(ctx context.Context, u models.UserRef) time.Duration {
	if wait := s.local.OpenChat(ctx, u); wait > 0 {
		return wait
	}
	var buckets []any
	if s.rates.NewChatsPerHour > 0 {
		buckets = append(buckets, s.rates.NewChatsPerHour, time.Hour.Milliseconds())
	}
	return s.take(ctx, "chaffer:limit:open:"+u.String(), buckets)
}

// takeScript takes one token of each bucket, or none: ARGV size and period in ms, again and again.
// A bucket is the moment at which it is full again, so that one number says everything. It
// answers how many ms to wait, 0 when taken.
const takeScript = `
local t = redis.call('TIME') local now = t[1] * 1000 + t[2] / 1000
local full, wait, life = {}, 0, 0
for i = 1, #ARGV, 2 do
	local size, period = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
	local at = tonumber(redis.call('HGET', KEYS[1], i) or 0)
	if at < now then at = now end
	at = at + period / size
	local over = math.ceil(at - period - now - 0.001)
	if over > wait then wait = over end
	if at - now > life then life = at - now end
	full[#full + 1] = i
	full[#full + 1] = string.format('%.3f', at)
end
if wait > 0 then return wait end
redis.call('HSET', KEYS[1], unpack(full))
redis.call('PEXPIRE', KEYS[1], math.ceil(life))
return 0`

func (s *Shared) take(ctx context.Context, key string, buckets []any) time.Duration {
	if len(buckets) == 0 {
		return 0
	}
	wait, err := s.client.Eval(ctx, askTimeout, takeScript, key, buckets...)
	if err != nil {
		return 0 // the node's own count has let it through
	}
	return time.Duration(wait[0]) * time.Millisecond
}
