package bus

import (
	"context"
	"crypto/rand"
	"errors"
	"slices"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"chaffer/internal/models"
	"chaffer/internal/redis"
)

func channel(node string) string { return "chaffer:node:" + node }

// publishing sends whatever waits, together.
func (b *Redis) publishing() {
	batch := make([]news, 0, maxBatch)
	for {
		select {
		case <-b.closed:
			for len(b.queue) > 0 && b.client.Up() {
				b.send(b.gather(batch[:0], <-b.queue))
			}
			return
		case first := <-b.queue:
			b.send(b.gather(batch[:0], first))
		}
	}
}

func (b *Redis) gather(batch []news, first news) []news {
	batch = append(batch, first)
	for len(batch) < maxBatch {
		select {
		case n := <-b.queue:
			batch = append(batch, n)
		default:
			return batch
		}
	}
	return batch
}

// send finds out in one round trip on which nodes the people are, and publishes there, and only
// there, in another.
func (b *Redis) send(batch []news) {
	index := map[models.UserRef]bool{}
	var people []models.UserRef
	for _, n := range batch {
		for _, u := range n.people {
			if !index[u] {
				index[u] = true
				people = append(people, u)
			}
		}
	}
	ctx := context.Background()
	where, err := b.finder.Where(ctx, pubTimeout, people)
	if err != nil {
		b.lost(len(batch), err)
		return
	}
	type parcel struct {
		to     string
		sealed []byte
	}
	var parcels []parcel
	for _, n := range batch {
		for _, node := range nodes(n.people, where) {
			sealed, err := b.pack(n, node)
			if err != nil {
				b.log.Error("news could not be encoded", "kind", n.kind, "err", err)
				b.count.dropped.Add(1)
				continue
			}
			parcels = append(parcels, parcel{node, sealed})
		}
	}
	if len(parcels) == 0 {
		return
	}
	err = b.client.Pipe(ctx, pubTimeout, func(p goredis.Pipeliner) {
		for _, one := range parcels {
			p.Publish(ctx, channel(one.to), one.sealed)
		}
	})
	if err != nil {
		b.lost(len(parcels), err)
		return
	}
	b.count.published.Add(uint64(len(parcels)))
}

func (b *Redis) lost(n int, err error) {
	b.count.dropped.Add(uint64(n))
	if !errors.Is(err, redis.ErrAway) {
		b.log.Warn("news for other nodes were lost; the database heals it", "count", n, "err", err)
	}
}

func (b *Redis) pack(n news, to string) ([]byte, error) {
	body, err := marshal(n.body)
	if err != nil {
		return nil, err
	}
	return b.sealer.seal(envelope{
		V: version, ID: rand.Text(), From: b.client.Node(), To: to, At: time.Now().UnixMilli(), Kind: n.kind, Body: body,
	})
}

// nodes are the nodes on which one of the people is, each once.
func nodes(people []models.UserRef, where map[models.UserRef][]string) []string {
	var out []string
	for _, u := range people {
		for _, node := range where[u] {
			if !slices.Contains(out, node) {
				out = append(out, node)
			}
		}
	}
	return out
}
