package bus

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/models"
	"chaffer/internal/redis"
)

const (
	queueSize  = 8192                  // news waiting to be sent
	maxBatch   = 256                   // news in one round trip
	pubTimeout = time.Second           // of a round trip
	keepNews   = 2 * time.Second       // while Redis is away; then the database is quicker
	tryAgain   = 20 * time.Millisecond // whether it is back
	rememberID = 8192                  // envelopes that are recognised when they come twice

	roomForHead = 512 // bytes of an envelope without its news, and
	roomForItem = 64  // of one of them without its body, at most
)

// Finder says on which other nodes people are.
type Finder interface {
	Where(ctx context.Context, limit time.Duration, people []models.UserRef) (map[models.UserRef][]string, error)
}

// Redis carries news by publish and subscribe, on one channel for each node.
type Redis struct {
	client   *redis.Client
	finder   Finder
	sealer   sealer
	log      *slog.Logger
	queue    chan news
	seen     *lru.Cache[string, struct{}]
	handlers map[string]func(json.RawMessage) error
	roll     *roll

	ctx    context.Context
	cancel context.CancelFunc
	wg     sync.WaitGroup
	closed chan struct{} // the publisher sends what waits and ends

	listening atomic.Bool // the subscription is proved to be alive
	count     struct{ published, dropped, received, refused atomic.Uint64 }
}

// news is one message on its way out.
type news struct {
	kind   string
	people []models.UserRef
	body   any
	at     time.Time
}

// NewRedis returns a bus over client. Every node needs the same key (see Key).
func NewRedis(client *redis.Client, finder Finder, key []byte, log *slog.Logger) *Redis {
	seen, err := lru.New[string, struct{}](rememberID)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	b := &Redis{
		client: client, finder: finder, sealer: sealer{key}, log: log, queue: make(chan news, queueSize), seen: seen,
		handlers: map[string]func(json.RawMessage) error{}, roll: newRoll(client), closed: make(chan struct{}),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

// Handle implements Bus.
func (b *Redis) Handle(kind string, handler func(json.RawMessage) error) { b.handlers[kind] = handler }

// Start implements Bus.
func (b *Redis) Start() {
	b.wg.Go(b.publishing)
	b.wg.Go(b.listen)
	b.wg.Go(func() { b.roll.calling(b.ctx) })
}

// Publish implements Bus.
func (b *Redis) Publish(kind string, people []models.UserRef, body any) {
	select {
	case b.queue <- news{kind, people, body, time.Now()}:
	default:
		b.count.dropped.Add(1)
	}
}

// Complete implements Bus: we hear, and every node we knew of is still heard of.
func (b *Redis) Complete() bool { return b.listening.Load() && b.client.Up() && b.roll.complete() }

// Stats implements Bus.
func (b *Redis) Stats() Stats {
	return Stats{b.count.published.Load(), b.count.dropped.Load(), b.count.received.Load(), b.count.refused.Load()}
}

// Close implements Bus.
func (b *Redis) Close() {
	close(b.closed)
	b.cancel()
	b.wg.Wait()
	b.roll.leave()
}
