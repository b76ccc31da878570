package fault

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// kind is one thing that goes wrong, and is right again when do returns.
type kind struct {
	name string
	do   func(r *run_, random *rand.Rand)
}

// smoke are the faults of every run of the tests; the others join in longer runs.
var smoke = []kind{
	{"node killed", func(r *run_, random *rand.Rand) {
		r.killNode(random.IntN(len(r.world.nodes)), random)
	}},
	{"Postgres killed", func(r *run_, random *rand.Rand) {
		r.world.db.kill()
		time.Sleep(span(random, 0, time.Second))
		r.world.db.start(r.t)
	}},
	{"Redis killed, back empty", func(r *run_, random *rand.Rand) {
		r.world.redis.Kill()
		time.Sleep(span(random, time.Second, 4*time.Second))
		r.world.redis.Run()
	}},
	{"one node cut off from Redis", func(r *run_, random *rand.Rand) {
		c := r.world.nodes[random.IntN(len(r.world.nodes))].redis
		c.set(func() { c.down = true })
		time.Sleep(span(random, 2*time.Second, 8*time.Second))
		c.set(func() { c.down = false })
	}},
	{"rubbish and forged news on the bus", func(r *run_, _ *rand.Rand) {
		c := r.world.redis.Client()
		defer c.Close()
		channels, _ := c.PubSubChannels(context.Background(), "chaffer:node:*").Result()
		for _, channel := range channels {
			for _, text := range []string{"\xc0", "{}", strings.Repeat("A", 10<<20), strings.Repeat("0", 64) + `.{"v":1}`} {
				c.Publish(context.Background(), channel, text)
			}
		}
	}},
	{"everything sent twice, some three times on two nodes", func(r *run_, random *rand.Rand) {
		r.doubling.Store(true)
		time.Sleep(span(random, time.Second, 3*time.Second))
		r.doubling.Store(false)
	}},
}

var more = []kind{
	{"node stopped 5 s", func(r *run_, random *rand.Rand) { r.freezeNode(random, 5*time.Second) }},
	{"node deployed", func(r *run_, random *rand.Rand) {
		n := r.world.nodes[random.IntN(len(r.world.nodes))]
		n.life.Lock()
		defer n.life.Unlock()
		r.must(n.end(syscall.SIGTERM))
		r.must(n.start())
	}},
	{"node killed at a named point", func(r *run_, random *rand.Rand) {
		r.counted(r.killAtPoint(random.IntN(len(r.world.nodes)), random))
	}},
	{"Postgres backends ended", func(r *run_, _ *rand.Rand) {
		for range 10 {
			r.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chaffer' ORDER BY random() LIMIT 1")
			time.Sleep(200 * time.Millisecond)
		}
	}},
	{"Postgres slow by 200 ms", func(r *run_, random *rand.Rand) {
		c := r.world.db.cable
		c.set(func() { c.delay = 100 * time.Millisecond })
		time.Sleep(span(random, 2*time.Second, 5*time.Second))
		c.set(func() { c.delay = 0 })
	}},
	{"Postgres hangs", func(r *run_, random *rand.Rand) {
		c := r.world.db.cable
		c.set(func() { c.frozen = true })
		time.Sleep(span(random, 2*time.Second, 6*time.Second))
		c.set(func() { c.frozen = false })
	}},
	{"connections to Postgres cut", func(r *run_, random *rand.Rand) {
		c := r.world.db.cable
		for range 5 {
			c.set(func() { c.down = true })
			time.Sleep(span(random, 0, 300*time.Millisecond))
			c.set(func() { c.down = false })
			time.Sleep(span(random, 0, 300*time.Millisecond))
		}
	}},
	{"a chat's row locked 3 s", func(r *run_, _ *rand.Rand) {
		r.sql("BEGIN; SELECT id FROM chats ORDER BY random() LIMIT 1 FOR UPDATE; SELECT pg_sleep(3); COMMIT")
	}},
	{"Redis hangs", func(r *run_, random *rand.Rand) {
		r.world.redis.Freeze()
		time.Sleep(span(random, time.Second, 5*time.Second))
		r.world.redis.Thaw()
	}},
	{"Redis emptied", func(r *run_, _ *rand.Rand) {
		c := r.world.redis.Client()
		defer c.Close()
		c.FlushAll(context.Background())
	}},
	{"Redis out of memory", func(r *run_, random *rand.Rand) {
		c := r.world.redis.Client()
		defer c.Close()
		c.ConfigSet(context.Background(), "maxmemory", "1")
		time.Sleep(span(random, time.Second, 4*time.Second))
		c.ConfigSet(context.Background(), "maxmemory", "0")
	}},
	{"subscribers cut", func(r *run_, _ *rand.Rand) {
		c := r.world.redis.Client()
		defer c.Close()
		c.ClientKillByFilter(context.Background(), "TYPE", "pubsub")
	}},
	{"all clients reconnect", func(r *run_, _ *rand.Rand) {
		for _, d := range r.devices {
			d.drop()
		}
	}},
}

// besideKills are the faults that join in while nodes are killed all the time.
func besideKills() (out []kind) {
	for _, k := range slices.Concat(smoke, more) {
		if !strings.HasPrefix(k.name, "node ") {
			out = append(out, k)
		}
		if strings.HasPrefix(k.name, "Postgres killed") || strings.HasPrefix(k.name, "Redis killed") {
			out = append(out, k) // twice as often
		}
	}
	return out
}

func (r *run_) freezeNode(random *rand.Rand, howLong time.Duration) {
	n := r.world.nodes[random.IntN(len(r.world.nodes))]
	n.life.Lock()
	defer n.life.Unlock()
	n.signal(syscall.SIGSTOP)
	time.Sleep(howLong)
	n.signal(syscall.SIGCONT)
}

func span(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}

// sql runs a statement as an operator would, past the nodes' way; its failure is part of the fault.
func (r *run_) sql(statement string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, r.world.db.direct)
	if err != nil {
		return
	}
	defer conn.Close(context.Background())
	_, _ = conn.Exec(ctx, statement)
}
