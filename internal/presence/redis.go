package presence

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/redis"
)

const (
	// lease is how long a socket counts after its last sign of life, should its node fall silent.
	lease      = 28 * time.Second
	leaseEvery = 9 * time.Second
	// keyLife is when Redis forgets what nobody prolongs.
	keyLife = 2 * time.Minute
	// askTimeout bounds every question to Redis.
	askTimeout = 100 * time.Millisecond
	// onlineKept and offlineKept are how long an answer about somebody on another node is used again.
	onlineKept  = 1500 * time.Millisecond
	offlineKept = 300 * time.Millisecond
	keptPeople  = 50_000
	waitStep    = 50 * time.Millisecond
	seenKept    = 7 * 24 * time.Hour
)

// Redis is the Tracker of several nodes. This node's own sockets are known as Memory knows them;
// of the others it asks Redis. While Redis is away it answers with its own view.
type Redis struct {
	own    *Memory
	client *redis.Client
	grace  time.Duration
	limit  int
	log    *slog.Logger
	cache  *lru.Cache[models.UserRef, answer]
	renew  chan struct{}
	stop   context.CancelFunc
	wg     sync.WaitGroup

	mu        sync.Mutex
	sockets   map[models.UserRef]map[string]*alive
	listeners []func(Change)
	renewed   time.Time // when a round of renewing last went through
	upSince   time.Time // zero: Redis is away
}

// alive is one socket of this node.
type alive struct {
	seen   time.Time // its last sign of life
	lapsed bool      // its lease was not prolonged: it has been silent for too long
}

type answer struct {
	online bool
	until  time.Time
}

// NewRedis returns a tracker that shares what it knows through client. A user may have
// socketsPerUser on all nodes together (0: any number). Close ends its goroutines, not client.
func NewRedis(client *redis.Client, grace time.Duration, socketsPerUser int, log *slog.Logger) *Redis {
	cache, err := lru.New[models.UserRef, answer](keptPeople)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &Redis{
		own: NewMemory(grace), client: client, grace: grace, limit: socketsPerUser, log: log, cache: cache,
		renew: make(chan struct{}, 1), stop: cancel, sockets: map[models.UserRef]map[string]*alive{}, renewed: time.Now(),
	}
	if client.Up() {
		r.upSince = time.Now()
	}
	r.own.Subscribe(r.ownChange)
	client.OnChange(r.redisChange)
	r.wg.Go(func() { r.renewing(ctx) })
	r.wg.Go(func() { r.collecting(ctx) })
	return r
}

// Add implements Tracker. TooMany when the user has too many sockets on all nodes together.
func (r *Redis) Add(ctx context.Context, u models.UserRef, socketID string) error {
	was := r.own.Online(ctx, u)
	news, err := r.enter(ctx, u, socketID)
	if apperr.Is(err, apperr.TooMany) {
		return err
	}
	r.mu.Lock()
	if r.sockets[u] == nil {
		r.sockets[u] = map[string]*alive{}
	}
	r.sockets[u][socketID] = &alive{seen: time.Now()}
	r.mu.Unlock()
	if err := r.own.Add(ctx, u, socketID); err != nil {
		return err
	}
	if (err == nil && news) || (err != nil && !was) {
		r.tell(Change{User: u, Online: true})
	}
	return nil
}

// Remove implements Tracker; it never fails: what Redis misses ends with its lease.
func (r *Redis) Remove(ctx context.Context, u models.UserRef, socketID string) error {
	r.mu.Lock()
	delete(r.sockets[u], socketID)
	if len(r.sockets[u]) == 0 {
		delete(r.sockets, u)
	}
	r.mu.Unlock()
	r.leave(ctx, u, socketID)
	return r.own.Remove(ctx, u, socketID)
}

// Alive notes a sign of life of a socket.
func (r *Redis) Alive(u models.UserRef, socketID string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a := r.sockets[u][socketID]; a != nil {
		a.seen = time.Now()
	}
}

// Online implements Tracker: this node's sockets, then what Redis said lately, then Redis.
func (r *Redis) Online(ctx context.Context, u models.UserRef) bool {
	if r.own.Online(ctx, u) {
		return true
	}
	if a, ok := r.cache.Get(u); ok && time.Now().Before(a.until) {
		return a.online
	}
	any, _, err := r.state(ctx, u)
	if err != nil {
		return false
	}
	r.remember(u, any > 0)
	return any > 0
}

// Here reports whether u is online on this very node.
func (r *Redis) Here(u models.UserRef) bool { return r.own.Online(context.Background(), u) }

// Wait implements Tracker; a socket on another node is as good.
func (r *Redis) Wait(ctx context.Context, u models.UserRef) error {
	for {
		step, cancel := context.WithTimeout(ctx, waitStep)
		err := r.own.Wait(step, u)
		cancel()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if _, socket, err := r.state(ctx, u); err == nil && socket > 0 {
			return nil
		}
	}
}

// LastSeen implements Tracker.
func (r *Redis) LastSeen(ctx context.Context, u models.UserRef) time.Time {
	own := r.own.LastSeen(ctx, u)
	if r.own.Online(ctx, u) {
		return own
	}
	if any, _, err := r.state(ctx, u); err == nil && any > 0 {
		return time.Now()
	}
	if seen := r.seen(ctx, u); seen.After(own) {
		return seen
	}
	return own
}

// Subscribe implements Tracker. A Change is heard on the one node that noticed it; see Namespace
// for how the others' sockets hear of it.
func (r *Redis) Subscribe(listener func(Change)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listeners = append(r.listeners, listener)
}

// Heard notes a change that another node has announced.
func (r *Redis) Heard(c Change) { r.remember(c.User, c.Online) }

// Degraded reports whether only this node's own view is known.
func (r *Redis) Degraded() bool { return !r.client.Up() }

// Close implements Tracker. Leases of sockets that are still there end by themselves.
func (r *Redis) Close() {
	r.stop()
	r.wg.Wait()
	r.own.Close()
}

func (r *Redis) remember(u models.UserRef, online bool) {
	kept := offlineKept
	if online {
		kept = onlineKept
	}
	r.cache.Add(u, answer{online, time.Now().Add(kept)})
}

// ownChange is what this node sees by itself: it counts only while Redis is away.
func (r *Redis) ownChange(c Change) {
	if !c.Online && !r.client.Up() {
		r.tell(c)
	}
}

func (r *Redis) redisChange(up bool) {
	r.mu.Lock()
	r.upSince = time.Time{}
	if up {
		r.upSince = time.Now()
	}
	r.mu.Unlock()
	if up {
		select {
		case r.renew <- struct{}{}:
		default:
		}
	}
}

func (r *Redis) tell(c Change) {
	r.remember(c.User, c.Online)
	r.mu.Lock()
	listeners := slices.Clone(r.listeners)
	r.mu.Unlock()
	for _, listener := range listeners {
		listener(c)
	}
}

var errTooManySockets = apperr.Later("You have too many connections, please close one of them", 0)

// isAway tells what is not worth a log line: it was told when Redis went.
func isAway(err error) bool { return errors.Is(err, redis.ErrAway) || errors.Is(err, context.Canceled) }
