package audit_test

import (
	"errors"
	"fmt"
	"testing"

	"gorm.io/gorm"

	"chaffer/internal/audit"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

func TestRowsComeBackNewestFirstInPages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		d := open(t, url)
		admin := models.UserRef{Type: models.TypeAdmin, ID: "1"}
		for i := range 7 {
			if err := audit.Record(t.Context(), d.DB, admin, "chat.read", fmt.Sprint("chat-", i), map[string]any{"n": i}); err != nil {
				t.Fatal(err)
			}
		}
		var seen []string
		var cursor wire.Cursor
		for pages := 1; ; pages++ {
			rows, next, err := audit.List(t.Context(), d.DB, cursor, 3)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				seen = append(seen, r.Target)
				if r.ActorID != "1" || r.Action != "chat.read" || r.Detail == "{}" || r.At.IsZero() {
					t.Errorf("unexpected row %+v", r)
				}
			}
			if next == (wire.Cursor{}) {
				if pages != 3 {
					t.Errorf("%d pages", pages)
				}
				break
			}
			if cursor, err = wire.ParseCursor(next.String()); err != nil { // as a client hands it back
				t.Fatal(err)
			}
		}
		if want := "[chat-6 chat-5 chat-4 chat-3 chat-2 chat-1 chat-0]"; fmt.Sprint(seen) != want {
			t.Errorf("got %v, expected %s", seen, want)
		}
	})
}

func TestARowGoesWithItsTransaction(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		d := open(t, url)
		changedMind := errors.New("changed my mind")
		err := d.Transaction(func(tx *gorm.DB) error {
			if err := audit.Record(t.Context(), tx, models.UserRef{Type: models.TypeAdmin, ID: "1"}, "message.delete", "m", nil); err != nil {
				t.Fatal(err)
			}
			return changedMind
		})
		if !errors.Is(err, changedMind) {
			t.Fatal(err)
		}
		if rows, _, err := audit.List(t.Context(), d.DB, wire.Cursor{}, 10); err != nil || len(rows) != 0 {
			t.Errorf("a row outlived its transaction: %v, %v", rows, err)
		}
	})
}

func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}
