// Package redis is the connection to Redis, which this service uses for what may be forgotten:
// who is where, limits, and news between nodes. Nothing waits for a Redis that does not answer:
// every call is bounded, and while Redis is away calls fail at once with ErrAway.
package redis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ErrAway is what calls return while Redis does not answer.
var ErrAway = errors.New("redis is away")

const (
	dialTimeout = 500 * time.Millisecond
	ioTimeout   = time.Second // the connection's own; each call has a shorter one
	poolSize    = 16
	evalWorkers = 2
	evalQueue   = 8192
	evalBatch   = 256
)

// Client is a connection pool with a circuit breaker. A single server, or a cluster: every key
// stands alone, so that scripts work on both.
type Client struct {
	rdb  goredis.UniversalClient
	node string
	log  *slog.Logger

	wrote    time.Time // when the last check went through; Open's, then watch's own
	up       atomic.Bool
	failures atomic.Uint64
	evals    chan *eval
	stop     context.CancelFunc
	wg       sync.WaitGroup

	mu        sync.Mutex
	listeners []func(up bool)
}

// Open prepares a client for redis://, rediss:// with one server, or with ?cluster=true the
// seed of a cluster. It does not wait for Redis: a node starts without it. The error is a
// sentence about the URL. Close ends it.
func Open(rawURL string, log *slog.Logger) (*Client, error) {
	rdb, err := open(rawURL)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	c := &Client{rdb: rdb, node: strings.ToLower(rand.Text()[:16]), log: log, evals: make(chan *eval, evalQueue), stop: cancel}
	c.check(ctx) // one bounded try, so that a healthy Redis is used from the first moment
	c.wg.Go(func() { c.watch(ctx) })
	for range evalWorkers {
		c.wg.Go(func() { c.work(ctx) })
	}
	return c, nil
}

func open(rawURL string) (goredis.UniversalClient, error) {
	goredis.SetLogger(quiet{}) // what matters is told by watch, once
	quietly := &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("REDIS_URL is not a valid URL: write redis://:password@host:6379/0")
	}
	q := u.Query()
	cluster := q.Get("cluster") == "true"
	q.Del("cluster")
	u.RawQuery = q.Encode()
	if cluster {
		o, err := goredis.ParseClusterURL(u.String())
		if err != nil {
			return nil, fmt.Errorf("REDIS_URL cannot be used: %w", err)
		}
		o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, ioTimeout, ioTimeout, ioTimeout
		o.MaxRetries, o.PoolSize, o.ContextTimeoutEnabled, o.DisableIdentity = -1, poolSize, true, true
		o.MaintNotificationsConfig = quietly
		return goredis.NewClusterClient(o), nil
	}
	o, err := goredis.ParseURL(u.String())
	if err != nil {
		return nil, fmt.Errorf("REDIS_URL cannot be used: %w", err)
	}
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, ioTimeout, ioTimeout, ioTimeout
	o.MaxRetries, o.DialerRetries, o.PoolSize, o.ContextTimeoutEnabled, o.DisableIdentity = -1, 1, poolSize, true, true
	o.MaintNotificationsConfig = quietly
	return goredis.NewClient(o), nil
}

// Node names this process, and only this one: it is drawn anew at every start.
func (c *Client) Node() string { return c.node }

// Up reports whether Redis answered lately.
func (c *Client) Up() bool { return c.up.Load() }

// Failures is how often Redis has been found away.
func (c *Client) Failures() uint64 { return c.failures.Load() }

// OnChange adds a listener to Redis going and coming back; it hears true again when Redis has
// forgotten everything without having been found away. It is called by one goroutine and must not
// block long.
func (c *Client) OnChange(listener func(up bool)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listeners = append(c.listeners, listener)
}

// Pipe sends what fill queues in one go, within limit. Errors: ErrAway; otherwise the commands
// carry their own.
func (c *Client) Pipe(ctx context.Context, limit time.Duration, fill func(p goredis.Pipeliner)) error {
	if !c.up.Load() {
		return ErrAway
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	p := c.rdb.Pipeline()
	fill(p)
	cmds, err := p.Exec(ctx)
	if err == nil {
		return nil
	}
	for _, cmd := range cmds {
		if away(cmd.Err()) {
			c.lost()
			return fmt.Errorf("%w: %w", ErrAway, cmd.Err())
		}
	}
	return nil // answers of Redis itself, which the caller sees at its commands
}

// Subscribe opens a subscription; the caller reads and closes it.
func (c *Client) Subscribe(ctx context.Context, channel string) *goredis.PubSub {
	return c.rdb.Subscribe(ctx, channel)
}

// Close ends the goroutines and the connections.
func (c *Client) Close() error {
	c.stop()
	c.wg.Wait()
	return c.rdb.Close()
}

// quiet drops the library's own log lines.
type quiet struct{}

func (quiet) Printf(context.Context, string, ...any) {}
