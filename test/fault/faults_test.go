package fault

import (
	"context"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"time"
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
	{"everything sent twice, some three times on two nodes", sendTwice},
}

var more = []kind{
	{"node stopped 40 s", func(r *run_, random *rand.Rand) { r.freezeNode(random, 40*time.Second) }},
	{"node stopped 5 s", func(r *run_, random *rand.Rand) { r.freezeNode(random, 5*time.Second) }},
	{"node deployed", deployNode},
	{"a node ends at a named point", func(r *run_, random *rand.Rand) {
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
	{"Postgres slow by 2 s", func(r *run_, random *rand.Rand) {
		c := r.world.db.cable
		c.set(func() { c.delay = time.Second })
		time.Sleep(span(random, 4*time.Second, 7*time.Second))
		c.set(func() { c.delay = 0 })
	}},
	{"Postgres stopped at once", func(r *run_, random *rand.Rand) {
		r.world.db.quit()
		time.Sleep(span(random, 0, time.Second))
		r.world.db.start(r.t)
	}},
	{"Postgres read-only", func(r *run_, random *rand.Rand) {
		r.sql("ALTER SYSTEM SET default_transaction_read_only = on")
		r.sql("SELECT pg_reload_conf()")
		time.Sleep(span(random, time.Second, 4*time.Second))
		r.sql("ALTER SYSTEM RESET default_transaction_read_only")
		r.sql("SELECT pg_reload_conf()")
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
	{"an abuser floods", func(r *run_, random *rand.Rand) { r.abuse(span(random, 2*time.Second, 4*time.Second)) }},
	{"clients far away", func(r *run_, random *rand.Rand) {
		r.lines(func(c *cable) { c.delay = 400 * time.Millisecond }, span(random, 2*time.Second, 5*time.Second))
	}},
	{"clients with 8 KB/s", func(r *run_, random *rand.Rand) {
		r.lines(func(c *cable) { c.rate = 8 << 10 }, span(random, 4*time.Second, 8*time.Second))
	}},
	{"clients in a black hole", func(r *run_, random *rand.Rand) {
		r.lines(func(c *cable) { c.frozen = true }, span(random, 3*time.Second, 6*time.Second))
	}},
	{"clients gone without a word", func(r *run_, random *rand.Rand) {
		r.lines(func(c *cable) { c.frozen = true }, 200*time.Millisecond, func() {
			for _, d := range r.devices {
				if d.way != nil {
					d.drop()
				}
			}
			time.Sleep(span(random, time.Second, 3*time.Second))
		})
	}},
	{"clients reset", func(r *run_, random *rand.Rand) {
		for range 5 {
			for _, d := range r.devices {
				if d.way != nil {
					d.way.reset()
				}
			}
			time.Sleep(span(random, 100*time.Millisecond, time.Second))
		}
	}},
	{"all clients reconnect", reconnectAll},
}

// inSQLite are the faults of one node with a SQLite file.
var inSQLite = []kind{
	{"node killed", func(r *run_, random *rand.Rand) { r.killNode(0, random) }},
	{"a node ends at a named point", func(r *run_, random *rand.Rand) { r.counted(r.killAtPoint(0, random)) }},
	{"a foreign writer holds the lock", func(r *run_, random *rand.Rand) {
		held := time.Now().Add(span(random, time.Second, 8*time.Second))
		db, err := r.world.open()
		if err != nil {
			r.must(err)
			return
		}
		defer db.Close()
		conn, err := db.Conn(context.Background())
		if err != nil {
			r.must(err)
			return
		}
		defer conn.Close()
		for time.Now().Before(held) {
			if _, err := conn.ExecContext(context.Background(), "BEGIN IMMEDIATE"); err == nil {
				time.Sleep(time.Until(held))
				_, _ = conn.ExecContext(context.Background(), "ROLLBACK")
			}
		}
	}},
	{"node stopped 5 s", func(r *run_, random *rand.Rand) { r.freezeNode(random, 5*time.Second) }},
	{"node deployed", deployNode},
	{"all clients reconnect", reconnectAll},
	{"everything sent twice, some three times on two nodes", sendTwice},
}

// besideKills are the faults that join in while nodes are killed all the time.
func besideKills() (out []kind) {
	for _, k := range slices.Concat(smoke, more) {
		if !strings.HasPrefix(k.name, "node ") && !strings.HasPrefix(k.name, "a node ") && !strings.HasPrefix(k.name, "clients ") {
			out = append(out, k)
		}
		if strings.HasPrefix(k.name, "Postgres killed") || strings.HasPrefix(k.name, "Redis killed") {
			out = append(out, k) // twice as often
		}
	}
	return out
}

func deployNode(r *run_, random *rand.Rand) {
	n := r.world.nodes[random.IntN(len(r.world.nodes))]
	n.life.Lock()
	defer n.life.Unlock()
	r.must(n.end(syscall.SIGTERM))
	r.must(n.start())
}

func sendTwice(r *run_, random *rand.Rand) {
	r.doubling.Store(true)
	time.Sleep(span(random, time.Second, 3*time.Second))
	r.doubling.Store(false)
}

func reconnectAll(r *run_, _ *rand.Rand) {
	for _, d := range r.devices {
		d.drop()
	}
}

func (r *run_) freezeNode(random *rand.Rand, howLong time.Duration) {
	n := r.world.nodes[random.IntN(len(r.world.nodes))]
	n.life.Lock()
	defer n.life.Unlock()
	n.mu.Lock()
	n.frozen = time.Now().Add(howLong)
	n.mu.Unlock()
	n.signal(syscall.SIGSTOP)
	time.Sleep(howLong)
	n.signal(syscall.SIGCONT)
}

// late notes that a node did not answer in time, unless it was stopped meanwhile: then whoever asked
// goes to another, as from a node that is gone, and that one has to answer.
func (r *run_) late(n *node, format string, args ...any) {
	n.mu.Lock()
	frozen := time.Since(n.frozen) < patience
	n.mu.Unlock()
	if !frozen {
		r.fail(17, format+" ("+r.blame()+")", args...)
	}
}

func span(random *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(random.Int64N(int64(to-from)))
}

// sql runs a statement as an operator would, past the nodes' way; its failure is part of the fault.
func (r *run_) sql(statement string) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	db, err := r.world.open()
	if err != nil {
		return
	}
	defer db.Close()
	_, _ = db.ExecContext(ctx, statement)
}
