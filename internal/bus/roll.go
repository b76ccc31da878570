package bus

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"chaffer/internal/redis"
)

const (
	rollKey   = "chaffer:nodes" // ZSET node → when it last answered the roll, ms of Redis's clock
	rollEvery = time.Second
	rollLate  = 3 * time.Second // silent for longer: cut off from Redis, or dead
	rollGone  = 5 * time.Minute // then it is forgotten
	rollLimit = 300 * time.Millisecond
)

// roll knows which nodes are there. One that falls silent without leaving may be alive and only
// cut off from Redis: its people's messages then come by the database, so that everybody else
// has to look there more often.
type roll struct {
	client *redis.Client

	mu   sync.Mutex
	late int
}

func newRoll(c *redis.Client) *roll { return &roll{client: c} }

// rollScript answers the roll: ARGV node, late and gone in ms. It returns how many are late.
const rollScript = `
local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return redis.call('ZCOUNT', KEYS[1], '-inf', now - tonumber(ARGV[2]))`

func (r *roll) calling(ctx context.Context) {
	for {
		late, err := r.client.Eval(ctx, rollLimit, rollScript, rollKey, r.client.Node(), rollLate.Milliseconds(), rollGone.Milliseconds())
		if err == nil {
			r.mu.Lock()
			r.late = int(late[0])
			r.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(rollEvery - rand.N(rollEvery/5)):
		}
	}
}

func (r *roll) complete() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.late == 0
}

// leave says goodbye: what this node had to say has been said.
func (r *roll) leave() {
	ctx := context.Background()
	_ = r.client.Pipe(ctx, rollLimit, func(p goredis.Pipeliner) { p.ZRem(ctx, rollKey, r.client.Node()) })
}
