package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// pipeTimeout bounds one round trip of gathered scripts.
const pipeTimeout = 300 * time.Millisecond

// eval is one script waiting for its round trip.
type eval struct {
	script string
	key    string
	args   []any
	answer chan reply
}

type reply struct {
	values []int64
	err    error
}

// Eval runs a script on one key and returns its answer, a list of integers (or one). Scripts of
// many callers travel together: a worker takes whatever is waiting. It returns within limit; that
// alone does not mean that Redis is away for everybody, this process may be late itself. Errors:
// ErrAway, ctx's, or what Redis said.
func (c *Client) Eval(ctx context.Context, limit time.Duration, script, key string, args ...any) ([]int64, error) {
	if !c.up.Load() {
		return nil, ErrAway
	}
	e := &eval{script: script, key: key, args: args, answer: make(chan reply, 1)}
	select {
	case c.evals <- e:
	default:
		return nil, fmt.Errorf("%w: too much is waiting for it", ErrAway)
	}
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case r := <-e.answer:
		return r.values, r.err
	case <-t.C:
		return nil, fmt.Errorf("%w: no answer within %s", ErrAway, limit)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *Client) work(ctx context.Context) {
	batch := make([]*eval, 0, evalBatch)
	for {
		select {
		case <-ctx.Done():
			return
		case e := <-c.evals:
			batch = append(batch[:0], e)
		}
		for more := true; more && len(batch) < evalBatch; {
			select {
			case e := <-c.evals:
				batch = append(batch, e)
			default:
				more = false
			}
		}
		c.run(ctx, batch)
	}
}

func (c *Client) run(ctx context.Context, batch []*eval) {
	cmds := make([]*goredis.Cmd, len(batch))
	err := c.Pipe(ctx, pipeTimeout, func(p goredis.Pipeliner) {
		for i, e := range batch {
			cmds[i] = p.Eval(ctx, e.script, []string{e.key}, e.args...)
		}
	})
	for i, e := range batch {
		if err != nil {
			e.answer <- reply{err: err}
			continue
		}
		values, err := Integers(cmds[i])
		e.answer <- reply{values, err}
	}
}

// Integers reads a script's answer: a list of integers, or one.
func Integers(cmd *goredis.Cmd) ([]int64, error) {
	v, err := cmd.Result()
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case int64:
		return []int64{v}, nil
	case []any:
		out := make([]int64, len(v))
		for i, item := range v {
			n, ok := item.(int64)
			if !ok {
				return nil, fmt.Errorf("a script answered %T where a number was expected", item)
			}
			out[i] = n
		}
		return out, nil
	}
	return nil, fmt.Errorf("a script answered %T where numbers were expected", v)
}
