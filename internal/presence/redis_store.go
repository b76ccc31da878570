package presence

import (
	"context"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"chaffer/internal/models"
	"chaffer/internal/redis"
)

func (r *Redis) member(socketID string) string { return r.client.Node() + ":" + socketID }

// enter notes a socket. news: the user has not been announced as online. The list of who is
// announced comes first: whoever wants to announce a departure then sees that somebody has come.
func (r *Redis) enter(ctx context.Context, u models.UserRef, socketID string) (news bool, err error) {
	var held, stayed *goredis.Cmd
	err = r.client.Pipe(ctx, askTimeout, func(p goredis.Pipeliner) {
		held = p.Eval(ctx, holdScript, []string{onlineKey(u)}, u.String(), lease.Milliseconds())
		stayed = p.Eval(ctx, stayScript, []string{presenceKey(u)}, lease.Milliseconds(), r.limit, keyLife.Milliseconds(), r.member(socketID), 0)
	})
	if err != nil {
		return false, err
	}
	added, err := redis.Integers(held)
	if err != nil {
		return false, err
	}
	result, err := redis.Integers(stayed)
	if err != nil {
		return false, err
	}
	if result[0] < 0 {
		return false, errTooManySockets
	}
	return added[0] == 1, nil
}

func (r *Redis) leave(ctx context.Context, u models.UserRef, socketID string) {
	err := r.client.Pipe(ctx, askTimeout, func(p goredis.Pipeliner) {
		p.Eval(ctx, leaveScript, []string{presenceKey(u)}, r.member(socketID), r.member(departed), r.grace.Milliseconds())
		p.Eval(ctx, holdScript, []string{onlineKey(u)}, u.String(), r.grace.Milliseconds())
		p.Set(ctx, seenKey(u), time.Now().UnixMilli(), seenKept)
	})
	if err != nil && !isAway(err) {
		r.log.Warn("a departure was not noted in Redis", "user", u.String(), "err", err)
	}
}

// state is how long u still counts as online, and how long a socket of theirs is leased.
func (r *Redis) state(ctx context.Context, u models.UserRef) (any, socket time.Duration, err error) {
	v, err := r.client.Eval(ctx, askTimeout, stateScript, presenceKey(u))
	if err != nil {
		return 0, 0, err
	}
	return time.Duration(v[0]) * time.Millisecond, time.Duration(v[1]) * time.Millisecond, nil
}

func (r *Redis) seen(ctx context.Context, u models.UserRef) time.Time {
	var cmd *goredis.StringCmd
	if err := r.client.Pipe(ctx, askTimeout, func(p goredis.Pipeliner) { cmd = p.Get(ctx, seenKey(u)) }); err != nil {
		return time.Time{}
	}
	ms, err := cmd.Int64()
	if err != nil {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// Where returns the other nodes on which each of some people has a socket, in one round trip
// within limit. A node that has just gone may still be named.
func (r *Redis) Where(ctx context.Context, limit time.Duration, people []models.UserRef) (map[models.UserRef][]string, error) {
	cmds := make([]*goredis.StringSliceCmd, len(people))
	err := r.client.Pipe(ctx, limit, func(p goredis.Pipeliner) {
		for i, u := range people {
			cmds[i] = p.ZRange(ctx, presenceKey(u), 0, -1)
		}
	})
	if err != nil {
		return nil, err
	}
	out := make(map[models.UserRef][]string, len(people))
	for i, u := range people {
		last := r.client.Node()
		for _, m := range cmds[i].Val() { // by lease: one node's sockets mostly follow each other
			if node, _, ok := strings.Cut(m, ":"); ok && node != last && node != r.client.Node() {
				out[u] = append(out[u], node)
				last = node
			}
		}
	}
	return out, nil
}

// stayArgs are the arguments of stayScript for one user's sockets.
func (r *Redis) stayArgs(sockets map[string]time.Duration) []any {
	args := []any{lease.Milliseconds(), 0, keyLife.Milliseconds()}
	for id, age := range sockets {
		args = append(args, r.member(id), strconv.FormatInt(age.Milliseconds(), 10))
	}
	return args
}
