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

// send brings a batch under way, as soon as Redis answers. When even the latest of it has become too
// old meanwhile, the database has brought it.
func (b *Redis) send(batch []news) {
	var envelopes []parcel
	packed := false
	for {
		if time.Since(batch[len(batch)-1].at) > keepNews {
			b.count.dropped.Add(uint64(len(batch)))
			return
		}
		var err error
		if !packed {
			envelopes, err = b.pack(batch)
			packed = err == nil
		}
		if err == nil {
			err = b.post(envelopes) // the same again after a failure: whoever has them knows their ids
		}
		switch {
		case err == nil:
			return
		case !errors.Is(err, redis.ErrAway):
			b.log.Warn("news for other nodes were lost; the database heals it", "count", len(batch), "err", err)
			b.count.dropped.Add(uint64(len(batch)))
			return
		}
		select {
		case <-b.closed:
			b.count.dropped.Add(uint64(len(batch)))
			return
		case <-time.After(tryAgain):
		}
	}
}

// parcel is a sealed envelope on its way.
type parcel struct {
	to     string
	news   int
	sealed []byte
}

// post publishes, in one round trip.
func (b *Redis) post(envelopes []parcel) error {
	if len(envelopes) == 0 {
		return nil
	}
	ctx, count := context.Background(), 0
	err := b.client.Pipe(ctx, pubTimeout, func(p goredis.Pipeliner) {
		for _, one := range envelopes {
			p.Publish(ctx, channel(one.to), one.sealed)
			count += one.news
		}
	})
	if err == nil {
		b.count.published.Add(uint64(count))
	}
	return err
}

// pack finds out, in one round trip, on which nodes the people of a batch are, and makes envelopes
// for those nodes, and for no others.
func (b *Redis) pack(batch []news) ([]parcel, error) {
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
	where, err := b.finder.Where(context.Background(), pubTimeout, people)
	if err != nil {
		return nil, err
	}
	var out []parcel
	waiting := map[string]*envelope{} // node → what goes there
	size := map[string]int{}
	seal := func(to string) {
		e := waiting[to]
		if e == nil {
			return
		}
		delete(waiting, to)
		delete(size, to)
		sealed, err := b.sealer.seal(*e)
		if err != nil {
			b.log.Error("news could not be encoded", "kind", e.News[0].Kind, "err", err)
			b.count.dropped.Add(uint64(len(e.News)))
			return
		}
		out = append(out, parcel{to, len(e.News), sealed})
	}
	for _, n := range batch {
		to := nodes(n.people, where)
		if len(to) == 0 {
			continue
		}
		body, err := marshal(n.body)
		if err != nil {
			b.log.Error("news could not be encoded", "kind", n.kind, "err", err)
			b.count.dropped.Add(1)
			continue
		}
		for _, node := range to {
			if size[node] += len(body) + roomForItem; size[node] > maxEnvelope-roomForHead {
				seal(node)
				size[node] = len(body) + roomForItem
			}
			if waiting[node] == nil {
				waiting[node] = &envelope{V: version, ID: rand.Text(), From: b.client.Node(), To: node, At: time.Now().UnixMilli()}
			}
			waiting[node].News = append(waiting[node].News, item{n.kind, body})
		}
	}
	for node := range waiting {
		seal(node)
	}
	return out, nil
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
