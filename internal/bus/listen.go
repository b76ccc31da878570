package bus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	silence    = time.Second            // without a word we ask whether the subscription is alive
	backoff    = 100 * time.Millisecond // after a broken subscription, doubled up to
	maxBackoff = 2 * time.Second
)

// listen keeps the subscription of this node, whatever happens to Redis.
func (b *Redis) listen() {
	pause := backoff
	for b.ctx.Err() == nil {
		began := time.Now()
		err := b.subscription()
		b.listening.Store(false)
		if b.ctx.Err() != nil {
			return
		}
		if time.Since(began) > maxBackoff {
			pause = backoff
		}
		b.log.Debug("the subscription to news of other nodes broke", "err", err)
		select {
		case <-b.ctx.Done():
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
		pause = min(2*pause, maxBackoff)
	}
}

// subscription reads until it breaks. Two silences in a row, the second after a question, mean
// that nobody is there any more.
func (b *Redis) subscription() error {
	sub := b.client.Subscribe(b.ctx, channel(b.client.Node()))
	defer sub.Close()
	defer context.AfterFunc(b.ctx, func() { _ = sub.Close() })() // closing does not sit out a silence
	asked := false
	for {
		if b.ctx.Err() != nil {
			return b.ctx.Err()
		}
		v, err := sub.ReceiveTimeout(b.ctx, silence)
		var timeout net.Error
		switch {
		case err == nil:
			asked = false
			b.listening.Store(true)
			if m, ok := v.(*goredis.Message); ok {
				b.receive([]byte(m.Payload))
			}
		case errors.As(err, &timeout) && timeout.Timeout() && !asked:
			if err := sub.Ping(b.ctx); err != nil {
				return err
			}
			asked = true
		default:
			return err
		}
	}
}

// receive believes what is in an envelope or drops it; it never panics.
func (b *Redis) receive(raw []byte) {
	e, err := b.sealer.open(raw, b.client.Node(), time.Now())
	if err == nil {
		if again, _ := b.seen.ContainsOrAdd(e.ID, struct{}{}); again {
			err = errors.New("seen before")
		}
	}
	if err != nil {
		b.refuse(len(raw), err)
		return
	}
	for _, n := range e.News {
		if err := b.take(n); err != nil {
			b.refuse(len(n.Body), err)
			continue
		}
		b.count.received.Add(1)
	}
}

func (b *Redis) refuse(size int, err error) {
	if b.count.refused.Add(1)%1000 == 1 { // somebody may be sending many
		b.log.Warn("a message on the bus was refused", "bytes", size, "err", err)
	}
}

func (b *Redis) take(n item) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b.log.Error("panic recovered", "where", "the bus", "panic", v, "stack", string(debug.Stack()))
			err = errors.New("its handler panicked")
		}
	}()
	handle, known := b.handlers[n.Kind]
	if !known {
		return fmt.Errorf("unknown kind %.32q", n.Kind)
	}
	return handle(n.Body)
}
