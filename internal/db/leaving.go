package db

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/stdlib"
)

// farewell is how long a statement that nobody waits for any more may go on. Beyond it, its connection is closed.
const farewell = time.Second

// openPool connects to Postgres so that a client who leaves in the middle of a question costs no connection.
func openPool(dsn string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, err
	}
	config.BuildContextWatcherHandler = func(c *pgconn.PgConn) ctxwatch.Handler {
		return leaving{&pgconn.DeadlineContextWatcherHandler{Conn: c.Conn()}, &pgconn.DeadlineContextWatcherHandler{Conn: c.Conn(), DeadlineDelay: farewell}}
	}
	return stdlib.OpenDB(*config), nil
}

// leaving ends what a connection does when its context has ended. The driver's own way is to close the connection at
// once: the next statement then waits for a new one and has every plan made again, when this one, with
// nearly all that is asked here, would have been done in a few milliseconds.
type leaving struct {
	late, left *pgconn.DeadlineContextWatcherHandler
}

func (l leaving) HandleCancel(ctx context.Context) {
	if errors.Is(ctx.Err(), context.Canceled) {
		l.left.HandleCancel(ctx)
		return
	}
	l.late.HandleCancel(ctx) // a deadline is a promise to somebody who waits
}

func (l leaving) HandleUnwatchAfterCancel() { l.late.HandleUnwatchAfterCancel() }
