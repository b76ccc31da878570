// Command bound is the least a server can do for the same durable work: no Socket.IO library, one
// connection a user, hand-made frames, messages stored in groups. It knows no limits, receipts,
// idempotent keys or offline delivery. It is the bound that benchmarks compare with, not a product.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/jackc/pgx/v5/pgxpool"
)

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "bound:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, schema); err != nil {
		return fmt.Errorf("make tables: %w", err)
	}
	h := &hub{pool: pool, secret: []byte(os.Getenv("JWT_SECRET")), users: map[string]*conn{}, chats: map[string]int64{}, queue: make(chan *message, 1<<16)}
	go h.commit(ctx)
	return http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), h)
}
