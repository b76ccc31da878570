package chat

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Of 38,000 messages in 10,000 chats, no query of the hot paths looks at more rows than this.
const mostRows = 1500

// statements is a GORM logger and dialect that keeps what was asked.
type statements struct {
	logger.Interface
	gorm.Dialector
	asked []statement
}

// statement is one as the database gets it, and with its arguments written into it.
type statement struct {
	sql, whole string
	arguments  []any
}

func (s *statements) Trace(_ context.Context, _ time.Time, fc func() (string, int64), _ error) {
	fc() // has Explain called
}

func (s *statements) Explain(sql string, arguments ...any) string {
	whole := s.Dialector.Explain(sql, arguments...)
	s.asked = append(s.asked, statement{sql, whole, arguments})
	return whole
}

func (s *statements) LogMode(logger.LogLevel) logger.Interface { return s }

// A plan that reads a whole table, or a whole chat, is found here before a shop of a million
// chats finds it.
func TestPlansOfHotQueries(t *testing.T) {
	h := newHouse(t, dbtest.Postgres(t)+"&statement_timeout=60000")
	long := seedForPlans(t, h)
	plain := h.store.db.DB
	rec := &statements{Interface: logger.Discard, Dialector: plain.Dialector}
	// A store of this test's own: the service's background work goes on with the other.
	recorded, st := *h.store.db, *h.store
	recorded.DB = plain.Session(&gorm.Session{Logger: rec})
	recorded.DB.Dialector = rec
	st.db = &recorded
	ctx := t.Context()
	big, one := models.UserRef{Type: models.TypeVendor, ID: "2"}, models.UserRef{Type: models.TypeCustomer, ID: "7"}
	var id string
	if err := plain.Raw("SELECT id FROM messages WHERE chat_id = ? AND seq = 500", long).Scan(&id).Error; err != nil {
		t.Fatal(err)
	}
	waiting := must[[]behind](t)(h.store.behind(ctx, big))
	key := "k5"
	for name, ask := range map[string]func() error{
		"the newest page of a long chat":  func() error { _, err := st.messagesBefore(ctx, long, 1<<40, MaxPage); return err },
		"the deepest page of a long chat": func() error { _, err := st.messagesBefore(ctx, long, 50, MaxPage); return err },
		"what follows a place":            func() error { _, err := st.messagesAfter(ctx, long, 7_000, MaxPage); return err },
		"deletions since a place":         func() error { _, err := st.deletedSince(ctx, long, 0, 8_000); return err },
		"chats with undelivered messages": func() error { _, err := st.behind(ctx, one); return err },
		"the first of a backlog": func() error {
			_, err := st.backlog(ctx, big, behind{}, waiting[chunkOf(waiting, behind{})-1].chatID, backlogChunk)
			return err
		},
		"the first 50 of 10,000 chats": func() error { _, err := st.inbox(ctx, big, wire.Cursor{}, 50, 1, false); return err },
		"somebody's unread messages":   func() error { _, err := st.unreadTotal(ctx, one); return err },
		"a message by its id":          func() error { _, err := st.messageByID(ctx, id); return err },
		"what the sweep looks for":     func() error { _, err := st.active(ctx, []models.UserRef{one}, time.Now()); return err },
		"who opens chats by the same words": func() error {
			_, _, err := st.openedWith(ctx, one, "hello", time.Now().Add(-time.Hour))
			return err
		},
		"a place by time":                  func() error { _, err := st.placeBefore(ctx, long, time.Now()); return err },
		"what is older than the retention": func() error { _, err := st.agedAfter(ctx, long, time.Now(), 100); return err },
		"the last old place":               func() error { _, err := st.lastBefore(ctx, long, 2_000, 3_000, time.Now()); return err },
		"the size of an erasure": func() error {
			_, err := st.startJob(ctx, models.Job{ID: "01a1fbf0-3513-7ce5-9c81-2cc1b76cbf92", Kind: "erase", UserType: one.Type, UserID: one.ID, State: "running"})
			return err
		},
		"moving a delivered position": func() error {
			_, err := st.moveDelivered(ctx, map[position]int64{{long, big}: 8_000})
			return err
		},
		"moving a read position": func() error { _, _, err := st.moveRead(ctx, long, one, toEnd, time.Now()); return err },
		"an admin's first page":  func() error { _, err := st.adminChats(ctx, adminFilter{}, wire.Cursor{}, 50); return err },
		"an admin's page of one vendor": func() error {
			_, err := st.adminChats(ctx, adminFilter{VendorID: "3"}, wire.Cursor{}, 50)
			return err
		},
		"an admin's page of a vendor of many chats": func() error {
			_, err := st.adminChats(ctx, adminFilter{VendorID: "2", To: time.Now().Add(-72 * time.Hour)}, wire.Cursor{}, 50)
			return err
		},
		"an admin's page of one of a vendor's customers": func() error {
			_, err := st.adminChats(ctx, adminFilter{VendorID: "2", CustomerID: "7"}, wire.Cursor{}, 50)
			return err
		},
		"an admin's page of one of a vendor's products": func() error {
			_, err := st.adminChats(ctx, adminFilter{VendorID: "2", ProductID: "p7"}, wire.Cursor{}, 50)
			return err
		},
		"an admin's page of one customer": func() error {
			_, err := st.adminChats(ctx, adminFilter{CustomerID: "7"}, wire.Cursor{}, 50)
			return err
		},
		"an admin's page of one product": func() error {
			_, err := st.adminChats(ctx, adminFilter{ProductID: "p7"}, wire.Cursor{}, 50)
			return err
		},
		"an admin's search for a rare word": func() error {
			_, err := st.adminChats(ctx, adminFilter{Text: "zanzibar"}, wire.Cursor{}, 50)
			return err
		},
		"an admin's search for a word of every message": func() error {
			items, err := st.adminChats(ctx, adminFilter{Text: "IS IT still"}, wire.Cursor{}, 50)
			if err == nil && len(items) != 50 {
				err = fmt.Errorf("%d chats were found, not 50", len(items))
			}
			return err
		},
		"messages by their keys": func() error {
			_, err := st.byKeys(recorded.DB, []*appendOp{{message: models.Message{SenderType: models.TypeCustomer, SenderID: "7", ClientMessageID: &key}}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			rec.asked = nil
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			if len(rec.asked) == 0 {
				t.Fatal("nothing was asked of the database")
			}
			for _, asked := range rec.asked {
				judgePlans(t, plain, asked)
			}
		})
	}
	t.Run("appending a batch", func(t *testing.T) {
		e := must[*entry](t)(h.entry(ctx, long))
		op := &appendOp{entry: e, message: models.Message{
			ID: "01a1fbf0-3513-7ce5-9c81-2cc1b76cbf91", SenderType: models.TypeCustomer, SenderID: one.ID, Text: "hello", Images: "[]", CreatedAt: time.Now(),
		}}
		c := must[*columns](t)(newColumns(planAppend([]*appendOp{op})))
		var plan string
		err := h.store.db.SQL().QueryRowContext(ctx, explain+appendStatement, c.arguments()...).Scan(&plan)
		if err != nil {
			t.Fatal(err)
		}
		judge(t, "append", plan)
	})
}

const explain = "EXPLAIN (ANALYZE, FORMAT JSON) "

// judgePlans judges the plan made for these arguments, and the one for any that a connection keeps when a statement
// has come often.
func judgePlans(t *testing.T, q *gorm.DB, asked statement) {
	t.Helper()
	if sql := strings.TrimSpace(asked.sql); !strings.HasPrefix(sql, "SELECT") && !strings.HasPrefix(sql, "WITH") && !strings.HasPrefix(sql, "UPDATE") {
		return
	}
	var plan string
	if err := q.Raw(explain + asked.whole).Row().Scan(&plan); err != nil {
		t.Fatalf("%v: %s", err, asked.whole)
	}
	judge(t, asked.whole, plan)
	values := make([]string, len(asked.arguments))
	for i, a := range asked.arguments {
		values[i] = q.Dialector.Explain("$1", a)
	}
	err := q.Connection(func(q *gorm.DB) error {
		defer q.Exec("DEALLOCATE kept")
		defer q.Exec("RESET plan_cache_mode")
		kept := "kept"
		if len(values) > 0 {
			kept += "(" + strings.Join(values, ", ") + ")"
		}
		for _, s := range []string{"SET plan_cache_mode = force_generic_plan", "PREPARE kept AS " + asked.sql} {
			if err := q.Exec(s).Error; err != nil {
				return err
			}
		}
		return q.Raw(explain + "EXECUTE " + kept).Row().Scan(&plan)
	})
	if err != nil {
		t.Fatalf("%v: %s", err, asked.sql)
	}
	judge(t, "kept: "+asked.whole, plan)
}

// The names in a chat's card have no index: a search of the admin goes through the chats, newest
// first, but never through the messages.
type planNode struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Loops    float64 `json:"Actual Loops"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Plans    []planNode
}

func judge(t *testing.T, sql, plan string) {
	t.Helper()
	var top []struct{ Plan planNode }
	if err := json.Unmarshal([]byte(plan), &top); err != nil || len(top) == 0 {
		t.Fatalf("a plan that cannot be read: %v", err)
	}
	var walk func(n planNode)
	walk = func(n planNode) {
		if rows := (n.Rows + n.Removed) * n.Loops; rows > mostRows && (n.Relation != "chats" || !strings.Contains(sql, "ILIKE")) {
			t.Errorf("%s on %q looks at %.0f rows, more than %d: %s\n%s", n.Type, n.Relation, rows, mostRows, sql, plan)
		}
		for _, below := range n.Plans {
			walk(below)
		}
	}
	walk(top[0].Plan)
}

// seedForPlans makes vendor 2 with 10,000 chats, one of 8,000 messages, the others of 3 each, and
// one of vendor 3, and returns the long one.
func seedForPlans(t *testing.T, h *house) string {
	t.Helper()
	q := h.store.db.DB
	for _, sql := range []string{
		`INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, last_seq, last_message_at, created_at, updated_at)
			SELECT gen_random_uuid(), 'product', 'p' || n, CASE n WHEN 10000 THEN '3' ELSE '2' END, n::text, CASE n WHEN 7 THEN 8000 ELSE 3 END, t, t, t
			FROM generate_series(1, 10000) n, LATERAL (SELECT now() - n * interval '1 minute' AS t) x`,
		`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, unread, last_message_at, joined_at)
			SELECT c.id, m.t, m.i, c.last_seq, c.last_seq - 1, 1, c.last_message_at, c.created_at
			FROM chats c, LATERAL (VALUES ('vendor', c.vendor_id), ('customer', c.customer_id)) m(t, i)`,
		`INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, client_message_id, text, recipient_online, created_at, updated_at)
			SELECT c.id, s, gen_random_uuid(), 'customer', c.customer_id, 'k' || s, CASE WHEN s = 3 AND c.customer_id = '9' THEN 'zanzibar ' ELSE 'is it still ' END || md5(s::text || c.id), true, c.created_at, c.created_at
			FROM chats c, generate_series(1, c.last_seq) s`,
		"ANALYZE chats", "ANALYZE members", "ANALYZE messages",
	} {
		if err := q.Exec(sql).Error; err != nil {
			t.Fatal(fmt.Errorf("seed: %w", err))
		}
	}
	var long string
	if err := q.Raw("SELECT id FROM chats WHERE product_id = 'p7'").Scan(&long).Error; err != nil {
		t.Fatal(err)
	}
	return long
}

// The append's plan is kept by the connection from its first uses on, perhaps from when the tables
// were empty: it must find every row by its key, whatever the tables have become.
func TestThePlanOfTheAppendThatIsKept(t *testing.T) {
	h := newHouse(t, dbtest.Postgres(t))
	conn := must[*sql.Conn](t)(h.store.db.SQL().Conn(t.Context()))
	defer conn.Close()
	for _, q := range []string{"SET plan_cache_mode = force_generic_plan", "PREPARE kept AS " + appendStatement} {
		if _, err := conn.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	arguments := len((&columns{}).arguments())
	var plan string
	err := conn.QueryRowContext(t.Context(), "EXPLAIN (FORMAT JSON) EXECUTE kept(NULL"+strings.Repeat(", NULL", arguments-1)+")").Scan(&plan)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"Seq Scan", "Hash Join", "Merge Join"} {
		if strings.Contains(plan, bad) {
			t.Errorf("the kept plan has a %s:\n%s", bad, plan)
		}
	}
}

// A message in a chat where nothing has turned around (who is behind, who has unread ones, the minute) changes three
// rows and no index of theirs.
func TestAMessageLeavesTheIndexesOfItsRowsAlone(t *testing.T) {
	h := newHouse(t, dbtest.Postgres(t))
	first := must[Sent](t)(h.Send(t.Context(), asJohn, ask("k1", "one")))
	e := must[*entry](t)(h.entry(t.Context(), first.Chat.ID))
	tx := must[*sql.Tx](t)(h.store.db.SQL().BeginTx(t.Context(), nil))
	defer tx.Rollback()
	op := &appendOp{entry: e, message: models.Message{
		ID: "01a1fbf0-3513-7ce5-9c81-2cc1b76cbf93", SenderType: asJohn.User.Type, SenderID: asJohn.User.ID, Text: "two", Images: "[]", CreatedAt: first.Chat.LastMessageAt,
	}}
	count := func(table string) (all, hot int) { // the connection's own, also of before this transaction
		err := tx.QueryRowContext(t.Context(), "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = $1", table).Scan(&all, &hot)
		if err != nil {
			t.Fatal(err)
		}
		return all, hot
	}
	rows := map[string]int{"chats": 1, "members": 2}
	before := map[string][2]int{}
	for table := range rows {
		all, hot := count(table)
		before[table] = [2]int{all, hot}
	}
	if err := writePostgres(t.Context(), tx, planAppend([]*appendOp{op})); err != nil {
		t.Fatal(err)
	}
	for table, want := range rows {
		all, hot := count(table)
		if all, hot = all-before[table][0], hot-before[table][1]; all != want || hot != want {
			t.Errorf("%s: %d of %d updates left the indexes alone, want %d", table, hot, all, want)
		}
	}
}
