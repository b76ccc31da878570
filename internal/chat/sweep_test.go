package chat

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

func TestTheSweepSeesWhoIsBehindAndWhatIsRecent(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		old := must[Sent](t)(h.Send(t.Context(), asJohn, ask("old", "one")))
		must[Sent](t)(h.Send(t.Context(), asEve, ask("hers", "not john's")))
		after := time.Now().Add(time.Minute)
		people := []models.UserRef{asJohn.User, asHaven.User}
		rows := must[[]models.Member](t)(h.store.active(t.Context(), people[:1], after))
		if len(rows) != 0 {
			t.Errorf("john has everything and nothing is recent: %+v", rows)
		}
		rows = must[[]models.Member](t)(h.store.active(t.Context(), people, after))
		if len(rows) != 2 || rows[0].User() != asHaven.User || rows[0].LastSeq != 1 {
			t.Errorf("the vendor is behind in two chats: %+v", rows)
		}
		rows = must[[]models.Member](t)(h.store.active(t.Context(), people[:1], time.Now().Add(-time.Minute)))
		if len(rows) != 1 || rows[0].ChatID != old.Chat.ID || rows[0].User() != asJohn.User {
			t.Errorf("john's one chat is recent: %+v", rows)
		}
		place := must[int64](t)(h.store.placeBefore(t.Context(), old.Chat.ID, after))
		if none := must[int64](t)(h.store.placeBefore(t.Context(), old.Chat.ID, time.Now().Add(-time.Minute))); place != 1 || none != 0 {
			t.Errorf("places by time: %d and %d, expected 1 and 0", place, none)
		}
	})
}

// The sweep goes through the people's own index ranges, however many members there are.
func TestTheSweepReadsNoWholeTable(t *testing.T) {
	h := newHouse(t, dbtest.Postgres(t))
	err := h.db.Transaction(func(tx *gorm.DB) error {
		for _, statement := range []string{
			`SET LOCAL statement_timeout = 0`, // a busy machine may take its time over the rows
			`INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, last_seq, last_message_at, created_at, updated_at)
				SELECT gen_random_uuid(), 'product', i::text, (i % 100)::text, i::text, 1, now(), now(), now() FROM generate_series(1, 10000) i`,
			`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, last_message_at, joined_at)
				SELECT id, 'customer', customer_id, 1, 0, now(), now() FROM chats UNION ALL SELECT id, 'vendor', vendor_id, 1, 1, now(), now() FROM chats`,
			`ANALYZE members`,
		} {
			if err := tx.Exec(statement).Error; err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	var plan []string
	statement := strings.ReplaceAll(activePostgres, "?::json", `'[{"t":"customer","i":"7"},{"t":"vendor","i":"8"}]'::json`)
	statement = strings.ReplaceAll(statement, "active_minute >= ?", fmt.Sprintf("active_minute >= %d", models.Minute(time.Now().Add(-15*time.Second))))
	statement = strings.ReplaceAll(statement, "last_message_at > ?", "last_message_at > now() - interval '15 s'")
	if err := h.db.Raw("EXPLAIN " + statement).Scan(&plan).Error; err != nil {
		t.Fatal(err)
	}
	text := strings.Join(plan, "\n")
	if strings.Contains(text, "Seq Scan") || !strings.Contains(text, "members_inbox") || !strings.Contains(text, "members_behind") {
		t.Errorf("the plan reads more than the people's own ranges:\n%s", text)
	}
}
