// Package db opens the database behind GORM, keeps its schema, and turns driver errors into
// facts the rest of the house can decide on. Two databases are served: SQLite inside the
// binary, and Postgres.
package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gorm.io/driver/postgres"
	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"
	_ "modernc.org/sqlite" // registers the driver "sqlite", without cgo
)

// Dialect names the database behind a DB.
type Dialect string

const (
	Postgres Dialect = "postgres"
	SQLite   Dialect = "sqlite"
)

// DB is a GORM handle that knows its dialect.
type DB struct {
	*gorm.DB
	Dialect Dialect
	sql     *sql.DB
}

// Pool bounds: enough connections for the committer's lanes and the readers beside them, few
// enough that three nodes fit the 100 a stock Postgres gives.
const (
	maxOpenPostgres = 24
	maxOpenSQLite   = 8
)

// Open connects to url: "postgres://…" or "sqlite://path" (relative or absolute). It creates
// the folder of a SQLite file. The schema is untouched: see Migrate.
// Errors are sentences an operator can act on.
func Open(ctx context.Context, rawURL string) (*DB, error) {
	scheme, rest, ok := strings.Cut(rawURL, "://")
	if !ok {
		return nil, fmt.Errorf("DATABASE_URL must look like sqlite://data/chaffer.db or postgres://user:password@host:5432/name")
	}
	switch scheme {
	case "sqlite":
		return openSQLite(ctx, rest)
	case "postgres", "postgresql":
		return openPostgres(ctx, rawURL)
	}
	return nil, fmt.Errorf("DATABASE_URL has the scheme %q; it must be sqlite:// or postgres://", scheme)
}

func openSQLite(ctx context.Context, path string) (*DB, error) {
	path, _, _ = strings.Cut(path, "?")
	if path == "" {
		return nil, errors.New("DATABASE_URL names no file: write sqlite://data/chaffer.db")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("cannot create the folder of the SQLite database: %w", err)
	}
	q := url.Values{}
	for _, pragma := range []string{"foreign_keys(1)", "journal_mode(WAL)", "busy_timeout(5000)", "synchronous(FULL)"} {
		q.Add("_pragma", pragma)
	}
	q.Set("_txlock", "immediate") // a transaction that will write says so at once and cannot be upgraded into a deadlock
	q.Set("_time_format", "sqlite")
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: q.Encode()}).String()
	return open(ctx, SQLite, sqlite.Dialector{DriverName: "sqlite", DSN: dsn}, maxOpenSQLite)
}

func openPostgres(ctx context.Context, rawURL string) (*DB, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, errors.New("DATABASE_URL is not a valid URL: write postgres://user:password@host:5432/name and percent-encode special characters of the password")
	}
	q := u.Query()
	if !q.Has("connect_timeout") {
		q.Set("connect_timeout", "2") // seconds: a database that is down must be told within two
	}
	if !q.Has("statement_timeout") {
		q.Set("statement_timeout", "5000") // milliseconds: nothing we ask may take longer
	}
	if !q.Has("random_page_cost") {
		// Postgres's own 4 is that of a turning disk: with it, the fifty chats of a list were looked for by
		// reading all of some thousands, four times the work of fifty looks into their index.
		q.Set("random_page_cost", "1.1")
	}
	if !q.Has("application_name") {
		q.Set("application_name", "chaffer")
	}
	u.RawQuery = q.Encode()
	pool, err := openPool(u.String())
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	return open(ctx, Postgres, postgres.New(postgres.Config{Conn: pool}), maxOpenPostgres)
}

func open(ctx context.Context, dialect Dialect, dialector gorm.Dialector, maxOpen int) (*DB, error) {
	g, err := gorm.Open(dialector, &gorm.Config{
		SkipDefaultTransaction: true,           // one statement is its own transaction; where several belong together we say so
		Logger:                 logger.Discard, // errors are logged once, at the edge, and statements carry message text
		DisableAutomaticPing:   true,
		NowFunc:                Now,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	pool, err := g.DB()
	if err != nil {
		return nil, fmt.Errorf("cannot open the database: %w", err)
	}
	pool.SetMaxOpenConns(maxOpen)
	pool.SetMaxIdleConns(maxOpen)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	d := &DB{DB: g, Dialect: dialect, sql: pool}
	ping, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := pool.PingContext(ping); err != nil {
		_ = pool.Close()
		return nil, fmt.Errorf("cannot reach the database (is it running, and is DATABASE_URL right?): %w", err)
	}
	return d, nil
}

// SQL is the pool itself, for statements whose arguments are arrays (GORM would expand them).
func (d *DB) SQL() *sql.DB { return d.sql }

// Ping answers whether the database can be reached now.
func (d *DB) Ping(ctx context.Context) error { return d.sql.PingContext(ctx) }

// Close ends every connection.
func (d *DB) Close() error { return d.sql.Close() }

// Durable reports, as sentences, what in the database would let an acknowledged commit be lost
// in a crash: fsync, full_page_writes or synchronous_commit switched off. SQLite is opened with
// synchronous=FULL and has nothing to report.
func (d *DB) Durable(ctx context.Context) ([]string, error) {
	if d.Dialect != Postgres {
		return nil, nil
	}
	var problems []string
	for _, name := range []string{"fsync", "full_page_writes", "synchronous_commit"} {
		var value string
		if err := d.sql.QueryRowContext(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return nil, fmt.Errorf("read the setting %s: %w", name, err)
		}
		if value == "off" {
			problems = append(problems, fmt.Sprintf("Postgres runs with %s=off, so an acknowledged message could be lost in a crash; switch it on", name))
		}
	}
	return problems, nil
}

// Now is the clock of every stored time: UTC, whole milliseconds, which both databases keep exactly.
func Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }
