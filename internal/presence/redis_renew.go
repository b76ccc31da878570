package presence

import (
	"context"
	"math/rand/v2"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"chaffer/internal/models"
	"chaffer/internal/redis"
)

const (
	renewChunk   = 200              // people in one round trip
	renewTimeout = time.Second      // of one round trip
	collectEvery = time.Second      // how often people whose leases ended are looked for
	collectMax   = 100              // of one shard at once
	settled      = 10 * time.Second // Redis is back for this long before anybody is declared gone: every node renews first
)

// renewing prolongs the leases of this node's sockets, all together.
func (r *Redis) renewing(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.renew:
		case <-time.After(leaseEvery - rand.N(time.Second)):
		}
		r.renewAll(ctx)
	}
}

// renewAll prolongs what gave a sign of life. Somebody who had been declared gone meanwhile is
// announced again, if that was for their or our silence; not when Redis has forgotten everything.
func (r *Redis) renewAll(ctx context.Context) {
	now := time.Now()
	r.mu.Lock()
	slept := now.Sub(r.renewed) > lease
	people := make([]models.UserRef, 0, len(r.sockets))
	for u := range r.sockets {
		people = append(people, u)
	}
	r.mu.Unlock()
	for len(people) > 0 {
		n := min(renewChunk, len(people))
		if !r.renewSome(ctx, people[:n], slept) {
			return
		}
		people = people[n:]
	}
	r.mu.Lock()
	r.renewed = now
	r.mu.Unlock()
}

func (r *Redis) renewSome(ctx context.Context, people []models.UserRef, slept bool) bool {
	type renewal struct {
		user models.UserRef
		back bool
		held *goredis.Cmd
	}
	var renewals []*renewal
	err := r.client.Pipe(ctx, renewTimeout, func(p goredis.Pipeliner) {
		for _, u := range people {
			sockets, youngest, back := r.living(u)
			if len(sockets) == 0 {
				continue
			}
			one := &renewal{user: u, back: back || slept}
			one.held = p.Eval(ctx, holdScript, []string{onlineKey(u)}, u.String(), (lease - youngest).Milliseconds())
			p.Eval(ctx, stayScript, []string{presenceKey(u)}, r.stayArgs(sockets)...)
			renewals = append(renewals, one)
		}
	})
	if err != nil {
		if !isAway(err) {
			r.log.Warn("leases were not prolonged", "count", len(people), "err", err)
		}
		return false
	}
	for _, one := range renewals {
		if v, err := redis.Integers(one.held); err == nil && v[0] == 1 && one.back {
			r.tell(Change{User: one.user, Online: true})
		}
	}
	return true
}

// living are a user's sockets whose lease is worth prolonging, with the age of their last sign of
// life. back: there was none last time.
func (r *Redis) living(u models.UserRef) (sockets map[string]time.Duration, youngest time.Duration, back bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	sockets, youngest, back = map[string]time.Duration{}, lease, true
	for id, a := range r.sockets[u] {
		age := time.Since(a.seen)
		back = back && a.lapsed
		a.lapsed = age >= lease
		if !a.lapsed {
			sockets[id] = age
			youngest = min(youngest, age)
		}
	}
	return sockets, youngest, back
}

// collecting looks for people whose leases have ended and announces that they have gone: those of
// this node, and those of a node that was killed. Each is announced by one node alone.
func (r *Redis) collecting(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(collectEvery - rand.N(collectEvery/4)):
		}
		r.mu.Lock()
		quiet := r.upSince.IsZero() || time.Since(r.upSince) < min(settled, 2*r.grace+collectEvery)
		r.mu.Unlock()
		if !quiet {
			r.collect(ctx)
		}
	}
}

func (r *Redis) collect(ctx context.Context) {
	due := make([]*goredis.Cmd, shards)
	err := r.client.Pipe(ctx, renewTimeout, func(p goredis.Pipeliner) {
		for i := range due {
			due[i] = p.Eval(ctx, dueScript, []string{keyOnline + strconv.Itoa(i)}, collectMax)
		}
	})
	if err != nil {
		return
	}
	for _, cmd := range due {
		names, err := cmd.StringSlice()
		if err != nil {
			continue
		}
		for _, name := range names {
			if u, ok := parseUser(name); ok && ctx.Err() == nil {
				r.collectOne(ctx, u)
			}
		}
	}
}

func (r *Redis) collectOne(ctx context.Context, u models.UserRef) {
	any, _, err := r.state(ctx, u)
	if err != nil {
		return
	}
	if any > 0 { // another socket is there: look again when its lease ends
		_, _ = r.client.Eval(ctx, askTimeout, holdScript, onlineKey(u), u.String(), any.Milliseconds())
		return
	}
	claimed, err := r.client.Eval(ctx, askTimeout, claimScript, onlineKey(u), u.String())
	if err != nil || claimed[0] != 1 {
		return
	}
	seen := r.seen(ctx, u)
	if seen.IsZero() {
		seen = time.Now().UTC() // its node was killed: the lease has just ended
	}
	r.tell(Change{User: u, LastSeen: seen})
}
