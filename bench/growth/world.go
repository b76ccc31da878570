package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest/pgserver"
	"chaffer/internal/porttest"
)

const secret = "a-secret-of-the-benchmarks-only-0123456789"

// world is a database, a service on it, and how much the database holds.
type world struct {
	pg       *pgserver.Server
	dir      string
	database string
	base     string
	node     *exec.Cmd
	messages int
}

func newWorld(ctx context.Context) (_ *world, err error) {
	w := &world{}
	if w.dir, err = os.MkdirTemp("", "chaffer-growth-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	binary := filepath.Join(w.dir, "chaffer")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/chaffer").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build (run this at the root of the repository): %w\n%s", err, out)
	}
	if w.pg, err = pgserver.Start(ctx, pgserver.Options{}); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, w.pg.URL)
	if err != nil {
		return nil, err
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, "CREATE DATABASE growth"); err != nil {
		return nil, err
	}
	u, err := url.Parse(w.pg.URL)
	if err != nil {
		return nil, err
	}
	u.Path = "/growth"
	w.database = u.String()
	port, err := porttest.Take()
	if err != nil {
		return nil, err
	}
	w.base = "http://127.0.0.1:" + strconv.Itoa(port)
	w.node = exec.Command(binary, "serve")
	w.node.Dir = w.dir
	w.node.Env = append(os.Environ(), "PORT="+strconv.Itoa(port), "HOST=127.0.0.1", "DATABASE_URL="+w.database, "REDIS_URL=", "JWT_SECRET="+secret,
		"LIMIT_CONNECTS_PER_MINUTE_PER_IP=0", "LIMIT_CONNECTIONS_PER_IP=0")
	if err := w.node.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if resp, err := http.Get(w.base + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return w, nil
			}
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("the service did not come up within 30 s")
		}
	}
}

func (w *world) close() {
	if w.node != nil && w.node.Process != nil {
		_ = w.node.Process.Signal(syscall.SIGTERM)
		_ = w.node.Wait()
	}
	if w.pg != nil {
		_ = w.pg.Stop()
	}
	_ = os.RemoveAll(w.dir)
}

// fill grows the database to n messages: vendor 10 has 10 chats, vendor 1000 has 1,000, vendor
// 10000 has 10,000 of 3 messages each; one chat of vendor 1 and customer 1 has a tenth of all; the
// rest are chats of 100 messages each. One message in a million has the word zanzibar.
func (w *world) fill(ctx context.Context, n int) error {
	conn, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	// An index of texts is made in a quarter of the time that it takes to grow.
	var index string
	if err := conn.QueryRow(ctx, "SELECT indexdef FROM pg_indexes WHERE indexname = 'messages_text_trgm'").Scan(&index); err != nil {
		return fmt.Errorf("find the index of texts: %w", err)
	}
	if _, err := conn.Exec(ctx, "DROP INDEX messages_text_trgm"); err != nil {
		return err
	}
	if w.messages == 0 {
		if err := w.chats(ctx, conn, "10", "10", 10, 3); err != nil {
			return err
		}
		if err := w.chats(ctx, conn, "1000", "1000", 1000, 3); err != nil {
			return err
		}
		if err := w.chats(ctx, conn, "10000", "10000", 10_000, 3); err != nil {
			return err
		}
		w.messages = 33_030
	}
	long := n / 10
	if err := w.chats(ctx, conn, "1", "long"+strconv.Itoa(n), 1, long); err != nil {
		return err
	}
	w.messages += long
	if rest := (n - w.messages) / 100; rest > 0 {
		if err := w.chats(ctx, conn, "rest", "rest"+strconv.Itoa(n), rest, 100); err != nil {
			return err
		}
		w.messages += rest * 100
	}
	for _, sql := range []string{"SET maintenance_work_mem = '1GB'", index, "VACUUM ANALYZE chats", "VACUUM ANALYZE members", "VACUUM ANALYZE messages", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// weight is what the whole database takes on disk for each message, in bytes.
func (w *world) weight(ctx context.Context) (float64, error) {
	conn, err := pgx.Connect(ctx, w.database)
	if err != nil {
		return 0, err
	}
	defer conn.Close(ctx)
	var all int64
	err = conn.QueryRow(ctx, "SELECT pg_database_size(current_database())").Scan(&all)
	return float64(all) / float64(w.messages), err
}

// chats inserts chats of each messages: of one vendor, or with vendor "rest" of a thousand.
func (w *world) chats(ctx context.Context, conn *pgx.Conn, vendor, product string, chats, each int) error {
	const open = `WITH c AS (
		INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, last_seq, last_message_at, created_at, updated_at)
		SELECT gen_random_uuid(), 'product', $2 || '-' || n, CASE $1 WHEN 'rest' THEN (100000 + n % 1000)::text ELSE $1 END,
			CASE $1 WHEN '1' THEN '1' ELSE (1000 + n)::text END, $4, t, t, t
		FROM generate_series(1, $3::int) n, LATERAL (SELECT now() - n * interval '1 second' AS t) x RETURNING *
	) INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, read_seq, last_message_at, joined_at)
		SELECT c.id, m.t, m.i, $4, $4, $4, c.last_message_at, c.created_at FROM c, LATERAL (VALUES ('vendor', c.vendor_id), ('customer', c.customer_id)) m(t, i)`
	if _, err := conn.Exec(ctx, open, vendor, product, chats, each); err != nil {
		return fmt.Errorf("open chats: %w", err)
	}
	const write = `INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, client_message_id, text, recipient_online, created_at, updated_at)
		SELECT c.id, s, gen_random_uuid(), 'customer', c.customer_id, c.product_id || s,
			CASE (s + hashtext(c.product_id)) % 1000000 WHEN 7 THEN 'zanzibar ' ELSE '' END || 'is the ' || substr(md5(s::text || c.id), 1, 12) || ' still available?', true, c.created_at, c.created_at
		FROM chats c, generate_series(1, $2::int) s WHERE c.product_id LIKE $1 || '-%'`
	if _, err := conn.Exec(ctx, write, product, each); err != nil {
		return fmt.Errorf("write messages: %w", err)
	}
	return nil
}
