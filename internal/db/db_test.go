package db_test

import (
	"context"
	"errors"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm/schema"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// Every column of the database is a field of internal/models and the other way round, on both
// databases.
func TestSchemaIsTheModels(t *testing.T) {
	tables := map[string]any{
		"chats": models.Chat{}, "members": models.Member{}, "messages": models.Message{},
		"attachments": models.Attachment{}, "products": models.Product{}, "audit_entries": models.AuditEntry{},
		"profiles": models.Profile{}, "chat_numbers": models.ChatNumber{},
		"accounts": models.Account{}, "account_links": models.AccountLink{}, "account_tokens": models.AccountToken{},
		"revocations": models.Revocation{}, "blocks": models.Block{}, "reports": models.Report{}, "jobs": models.Job{},
	}
	dbtest.Each(t, func(t *testing.T, url string) {
		d := open(t, url)
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		have, err := d.Migrator().GetTables()
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range have {
			if _, known := tables[table]; !known && !strings.HasPrefix(table, "goose") && !strings.HasPrefix(table, "sqlite_") {
				t.Errorf("table %s has no model", table)
			}
		}
		for table, model := range tables {
			parsed, err := schema.Parse(reflect.New(reflect.TypeOf(model)).Interface(), &sync.Map{}, d.NamingStrategy)
			if err != nil {
				t.Fatal(err)
			}
			if parsed.Table != table {
				t.Errorf("model %T is for table %s, not %s", model, parsed.Table, table)
			}
			types, err := d.Migrator().ColumnTypes(reflect.New(reflect.TypeOf(model)).Interface())
			if err != nil {
				t.Fatal(err)
			}
			var columns []string
			for _, c := range types {
				columns = append(columns, c.Name())
			}
			slices.Sort(columns)
			fields := slices.Sorted(slices.Values(parsed.DBNames))
			if !slices.Equal(columns, fields) {
				t.Errorf("%s: columns %v, fields %v", table, columns, fields)
			}
		}
	})
}

func TestMigrateTwiceAppliesOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		d := open(t, url)
		first, err := d.Migrate(t.Context())
		if err != nil || len(first) == 0 {
			t.Fatalf("first: %v, %v", first, err)
		}
		second, err := d.Migrate(t.Context())
		if err != nil || len(second) != 0 {
			t.Fatalf("second: %v, %v", second, err)
		}
	})
}

// Nodes that start together take turns; each migration runs once.
func TestMigrateFromThreeNodesAtOnce(t *testing.T) {
	url := dbtest.Postgres(t)
	applied := make([]int, 3)
	var wg sync.WaitGroup
	for i := range applied {
		d := open(t, url)
		wg.Go(func() {
			names, err := d.Migrate(context.Background())
			if err != nil {
				t.Error(err)
			}
			applied[i] = len(names)
		})
	}
	wg.Wait()
	slices.Sort(applied)
	if applied[0] != 0 || applied[1] != 0 || applied[2] == 0 {
		t.Errorf("applied %v, want all by one", applied)
	}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		d := open(t, url)
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := d.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)").Error; err != nil {
			t.Fatal(err)
		}
		_, err := d.Migrate(t.Context())
		if !errors.Is(err, db.ErrNewerSchema) {
			t.Errorf("got %v", err)
		}
	})
}

func TestErrorsBecomeFacts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		d := open(t, url)
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		now := db.Now()
		p := models.Product{ID: "1", Name: "n", Price: "1", Currency: "EUR", ImageURL: "https://e.com", VendorID: "2", StoreName: "s", CreatedAt: now, UpdatedAt: now}
		if err := d.Create(&p).Error; err != nil {
			t.Fatal(err)
		}
		if err := d.Create(&p).Error; !db.IsDuplicate(err) {
			t.Errorf("duplicate: %v", err)
		}
		m := models.Member{ChatID: "01890000-0000-7000-8000-000000000000", UserType: models.TypeVendor, UserID: "1", Role: "member", LastMessageAt: now, JoinedAt: now}
		if err := d.Create(&m).Error; !db.IsMissingParent(err) {
			t.Errorf("missing parent: %v", err)
		}
		var none models.Product
		if err := d.Where("id = ?", "none").Take(&none).Error; !db.IsNotFound(err) {
			t.Errorf("not found: %v", err)
		}
		if !none.CreatedAt.IsZero() {
			t.Error("something was read")
		}
		if err := d.Where("id = ?", "1").Take(&none).Error; err != nil || !none.CreatedAt.Equal(now) {
			t.Errorf("times are kept to the millisecond: %v, wrote %v, read %v", err, now, none.CreatedAt)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
		defer cancel()
		err := db.Translate(d.WithContext(ctx).Take(&none).Error)
		if !apperr.Is(err, apperr.Unavailable) {
			t.Errorf("out of time: %v", err)
		}
	})
}

// A node of the version before goes on while the first of the next one changes a table: what it had prepared is
// refused once, with a code that clients try again on.
func TestATableThatChangesUnderneathIsToldOnce(t *testing.T) {
	url := dbtest.Postgres(t)
	old, next := open(t, url), open(t, url)
	old.SQL().SetMaxOpenConns(1) // what is prepared belongs to a connection
	if err := next.Exec("CREATE TABLE things (id int)").Error; err != nil {
		t.Fatal(err)
	}
	var rows []map[string]any
	ask := func() error { return db.Translate(old.Raw("SELECT * FROM things").Scan(&rows).Error) }
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	if err := next.Exec("ALTER TABLE things ADD more int").Error; err != nil {
		t.Fatal(err)
	}
	if err := ask(); !apperr.Is(err, apperr.Unavailable) {
		t.Errorf("the first answer is %v, not Unavailable", err)
	}
	if err := ask(); err != nil {
		t.Errorf("the second is %v", err)
	}
}

func TestOpenExplainsMistakes(t *testing.T) {
	for url, want := range map[string]string{
		"data/chaffer.db":              "must look like sqlite://",
		"mysql://localhost/x":          "must be sqlite:// or postgres://",
		"sqlite://":                    "names no file",
		"postgres://u:%zz@localhost/x": "percent-encode",
		"postgres://u:p@127.0.0.1:1/x": "cannot reach the database",
	} {
		_, err := db.Open(t.Context(), url)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
	}
}

// What an operator must not lose is on, in every connection.
func TestSQLiteIsDurable(t *testing.T) {
	d := open(t, "sqlite://"+filepath.Join(t.TempDir(), "with space", "x.db"))
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := d.Raw("PRAGMA " + pragma).Scan(&got).Error; err != nil || got != want {
			t.Errorf("%s = %q (%v), want %q", pragma, got, err, want)
		}
	}
}

// Somebody who leaves in the middle of a question costs no connection, and a deadline is kept.
func TestWhoLeavesCostsNoConnection(t *testing.T) {
	d := open(t, dbtest.Postgres(t))
	d.SQL().SetMaxOpenConns(1)
	backend := func() (pid int) {
		t.Helper()
		if err := d.SQL().QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	ask := func(ctx context.Context, question string) error {
		rows, err := d.SQL().QueryContext(ctx, question)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			continue
		}
		return rows.Err()
	}
	first := backend()

	ctx, leave := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	if err := ask(ctx, "SELECT pg_sleep(0.2)"); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("expected the answer or the context's error, got %v", err)
	}
	if now := backend(); now != first {
		t.Error("a short question that nobody waited for cost its connection")
	}

	ctx, leave = context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, leave)
	if err := ask(ctx, "SELECT pg_sleep(60)"); err == nil { // a minute would be longer than this test may take
		t.Error("expected a long question that nobody waited for to be given up")
	}
	second := backend()
	if second == first {
		t.Error("a long question that nobody waited for kept its connection")
	}

	ctx, leave = context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer leave()
	if err := ask(ctx, "SELECT pg_sleep(0.5)"); err == nil {
		t.Error("expected the deadline to end the question")
	}
	if backend() == second {
		t.Error("a question beyond its deadline was waited for")
	}
}
