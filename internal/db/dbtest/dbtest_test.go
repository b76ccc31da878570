package dbtest

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest/pgserver"
)

func TestEachGivesTwoDatabasesOfOnesOwn(t *testing.T) {
	seen := map[string]bool{}
	for range 2 {
		Each(t, func(t *testing.T, url string) {
			if seen[url] {
				t.Fatalf("%s was given out twice", url)
			}
			seen[url] = true
			if path, ok := strings.CutPrefix(url, "sqlite://"); ok {
				if _, err := os.Stat(path); !os.IsNotExist(err) {
					t.Fatalf("the SQLite file exists already: %v", err)
				}
				return
			}
			if n := tables(t, url); n != 0 {
				t.Fatalf("a fresh database has %d tables", n)
			}
			execute(t, url, `CREATE TABLE left_behind (id int)`)
		})
	}
	if len(seen) != 4 {
		t.Fatalf("%d databases for two runs on two kinds", len(seen))
	}
}

func TestADatabaseIsDroppedWithItsTest(t *testing.T) {
	var url string
	t.Run("owner", func(t *testing.T) { url = Postgres(t) })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err == nil {
		conn.Close(ctx)
		t.Fatal("the database outlived its test")
	}
	if !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("connecting failed for another reason: %v", err)
	}
}

func TestAPrivateServerLeavesNothing(t *testing.T) {
	s, err := pgserver.Start(t.Context(), pgserver.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := setting(t, s.URL, "fsync"); got != "on" {
		t.Errorf("fsync is %s on a durable server", got)
	}
	if err := s.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
	if _, err := os.Stat(s.Dir); !os.IsNotExist(err) {
		t.Errorf("the data directory is still there: %v", err)
	}
	if conn, err := pgx.Connect(t.Context(), s.URL); err == nil {
		conn.Close(t.Context())
		t.Error("the server still answers")
	}
}

func tables(t *testing.T, url string) (n int) {
	t.Helper()
	query(t, url, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`, &n)
	return n
}

func setting(t *testing.T, url, name string) (value string) {
	t.Helper()
	query(t, url, `SHOW `+name, &value)
	return value
}

func query(t *testing.T, url, sql string, into any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if err := conn.QueryRow(t.Context(), sql).Scan(into); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}
