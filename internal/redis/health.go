package redis

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

const (
	checkEvery   = 500 * time.Millisecond
	checkTimeout = 300 * time.Millisecond
	checkKeep    = 5 * time.Second
)

// notNow are answers of a Redis that can be reached and still does not do its work: out of
// memory, a replica, loading, a broken disk, a cluster without a majority.
var notNow = []string{"OOM ", "READONLY ", "LOADING ", "MASTERDOWN ", "CLUSTERDOWN ", "MISCONF ", "NOAUTH ", "WRONGPASS ", "NOREPLICAS ", "TRYAGAIN "}

// away reports whether an error means that Redis cannot be used now. A caller's own cancelled
// context does not.
func away(err error) bool {
	if err == nil || errors.Is(err, goredis.Nil) || errors.Is(err, context.Canceled) {
		return false
	}
	var answer goredis.Error
	if !errors.As(err, &answer) {
		return true // network, timeout, pool
	}
	text := err.Error()
	return slices.ContainsFunc(notNow, func(prefix string) bool { return strings.HasPrefix(text, prefix) })
}

// lost opens the circuit until the next check.
func (c *Client) lost() { c.up.Store(false) }

// watch checks Redis regularly and tells when it goes and comes back.
func (c *Client) watch(ctx context.Context) {
	told := c.up.Load()
	if !told {
		c.failures.Add(1)
		c.log.Warn("Redis does not answer: this node goes on with what it knows itself")
	}
	for {
		pause := checkEvery/2 + rand.N(checkEvery/2) // nodes do not all knock at once
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		forgot := c.check(ctx)
		up := c.up.Load()
		if up == told && !forgot || ctx.Err() != nil {
			continue
		}
		told = up
		switch {
		case forgot:
			c.log.Warn("Redis has forgotten everything: what this node knows is written again")
		case up:
			c.log.Info("Redis answers again")
		default:
			c.failures.Add(1)
			c.log.Warn("Redis does not answer: this node goes on with what it knows itself")
		}
		c.mu.Lock()
		listeners := slices.Clone(c.listeners)
		c.mu.Unlock()
		for _, listener := range listeners {
			listener(up)
		}
	}
}

// check writes a key of this node's own: a Redis that answers pings but takes no writes is away. It
// reports whether Redis has forgotten what was written a moment ago: it was started anew, or emptied,
// so quickly that no call has failed.
func (c *Client) check(ctx context.Context) (forgot bool) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	key, began := "chaffer:check:"+c.node, time.Now()
	var was *goredis.StringCmd
	var set *goredis.StatusCmd
	_, _ = c.rdb.Pipelined(ctx, func(p goredis.Pipeliner) error { // the commands carry their errors
		was, set = p.Get(ctx, key), p.Set(ctx, key, 1, checkKeep)
		return nil
	})
	up := set.Err() == nil
	c.up.Store(up)
	if !up {
		return false
	}
	forgot = errors.Is(was.Err(), goredis.Nil) && began.Sub(c.wrote) < checkKeep-time.Second
	c.wrote = began
	return forgot
}
