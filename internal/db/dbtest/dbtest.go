// Package dbtest gives tests real databases: a fresh SQLite file and a fresh Postgres database
// for each test. A machine without Postgres fails the test with a sentence; nothing is skipped.
package dbtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest/pgserver"
)

// Each runs the test once on SQLite and once on Postgres, each time with the URL of an empty
// database that nobody else has.
func Each(t *testing.T, test func(t *testing.T, url string)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite returns the URL of a database file that does not exist yet, in a directory of the test.
func SQLite(tb testing.TB) string {
	tb.Helper()
	return "sqlite://" + filepath.Join(tb.TempDir(), "chaffer.db")
}

// Postgres returns the URL of a new database, dropped when the test ends. The instance is the
// one of TEST_POSTGRES_URL (a superuser's URL), or a private one that lasts as long as this
// test binary.
func Postgres(tb testing.TB) string {
	tb.Helper()
	admin := os.Getenv("TEST_POSTGRES_URL")
	if admin == "" {
		var err error
		if admin, err = private(); err != nil {
			tb.Fatalf("a private Postgres for this test: %v", err)
		}
	}
	u, err := url.Parse(admin)
	if err != nil {
		tb.Fatal("TEST_POSTGRES_URL is not a URL such as postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable")
	}
	name := "chaffer_test_" + rand.Text()
	execute(tb, admin, fmt.Sprintf(`CREATE DATABASE %q TEMPLATE template0`, name))
	// FORCE: a test that forgot to close its pool must not keep the database.
	tb.Cleanup(func() { execute(tb, admin, fmt.Sprintf(`DROP DATABASE %q WITH (FORCE)`, name)) })
	u.Path = "/" + name
	return u.String()
}

// private starts the instance of this test binary at its first use. Nothing stops it here: it
// ends with this process (see pgserver.Server).
var private = sync.OnceValues(func() (string, error) {
	s, err := pgserver.Start(context.Background(), pgserver.Options{})
	if err != nil {
		return "", err
	}
	running = s
	return s.URL, nil
})

// running keeps the server reachable: collected as garbage, it would close the pipe that the
// server lives by, in the middle of a test.
var running *pgserver.Server

func execute(tb testing.TB, url, sql string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		tb.Fatalf("connect to the test Postgres: %v", err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, sql); err != nil {
		tb.Fatalf("%s: %v", sql, err)
	}
}
