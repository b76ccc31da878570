package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// adminFilter narrows the list of all chats; a zero field does not.
type adminFilter struct {
	VendorID, CustomerID, ProductID string
	Text                            string
	From, To                        time.Time // of the latest activity: From ≤ t < To
}

// people are those of whom the chats are to be, the one with fewer chats first, as a rule.
func (f adminFilter) people() (out []models.UserRef) {
	for _, u := range []models.UserRef{{Type: models.TypeCustomer, ID: f.CustomerID}, {Type: models.TypeVendor, ID: f.VendorID}} {
		if u.ID != "" {
			out = append(out, u)
		}
	}
	return out
}

// active narrows rows of chats or of members by their latest activity.
func (f adminFilter) active(rows *gorm.DB) *gorm.DB {
	if !f.From.IsZero() {
		rows = rows.Where("active_minute >= ? AND last_message_at >= ?", models.Minute(f.From), f.From.UTC())
	}
	if !f.To.IsZero() {
		rows = rows.Where("active_minute <= ? AND last_message_at < ?", models.Minute(f.To), f.To.UTC())
	}
	return rows
}

// adminChats reads a page of all chats, latest activity first, each with its newest message.
func (st *store) adminChats(ctx context.Context, f adminFilter, from wire.Cursor, limit int) ([]InboxItem, error) {
	q := st.db.WithContext(ctx)
	list := st.adminChatsOfAll
	if len(f.people()) > 0 && f.ProductID == "" {
		list = st.adminChatsOf
	}
	items, err := list(q, f, from, limit)
	if err != nil {
		return nil, err
	}
	return items, st.fillInbox(q, items, 1)
}

// adminChatsOf lists somebody's chats of any kind, by their own index: the plan that Postgres keeps for any person, looking
// for them among all chats by activity, would read all chats before it finds fifty of somebody who was last here a year ago.
func (st *store) adminChatsOf(q *gorm.DB, f adminFilter, from wire.Cursor, limit int) ([]InboxItem, error) {
	people := f.people()
	var narrow func(*gorm.DB) (*gorm.DB, error)
	if len(people) > 1 || f.Text != "" {
		narrow = func(chats *gorm.DB) (*gorm.DB, error) { return st.about(chats, q, people[1:], f) }
	}
	return st.listed(q, func() *gorm.DB { return f.active(sideOf(q, people[0], from)) }, narrow, limit)
}

// adminChatsOfAll lists everybody's chats, or those of a product.
func (st *store) adminChatsOfAll(q *gorm.DB, f adminFilter, from wire.Cursor, limit int) ([]InboxItem, error) {
	list, err := st.about(f.active(q.Model(&models.Chat{})), q, f.people(), f)
	if err != nil {
		return nil, err
	}
	if from.ID != "" {
		list = list.Where("active_minute <= ? AND (last_message_at, id) < (?, ?)", models.Minute(from.At), from.At, from.ID)
	}
	var chats []models.Chat
	if err := list.Order("active_minute DESC, last_message_at DESC, id DESC").Limit(limit).Find(&chats).Error; err != nil {
		return nil, fail("list all chats", err)
	}
	items := make([]InboxItem, len(chats))
	for i, c := range chats {
		items[i].Chat, items[i].Mine.LastMessageAt = c, c.LastMessageAt // an admin has no side; this is the place in the list
	}
	return items, nil
}

// about narrows chats to those that some people are in, of a product, with a text.
func (st *store) about(chats, q *gorm.DB, people []models.UserRef, f adminFilter) (*gorm.DB, error) {
	for _, u := range people { // asked of each chat that is left: OFFSET 0 keeps the planner from beginning with all of a person's chats
		chats = chats.Where(`EXISTS (SELECT 1 FROM members WHERE chat_id = chats.id AND user_type = ? AND user_id = ? AND left_at IS NULL
			LIMIT 1 OFFSET 0)`, u.Type, u.ID)
	}
	if f.ProductID != "" {
		chats = chats.Where("product_id = ? AND kind = 'product'", f.ProductID) // the index of products has only these, and a kept plan has to know it
	}
	if f.Text == "" {
		return chats, nil
	}
	return st.containing(chats, q, f.Text)
}

// manyMessages is how many messages with a text are looked up by the index of texts. What occurs in more is
// found sooner by reading chats, newest first, until a page is full.
const manyMessages = 20_000

// containing keeps chats of list in which a text occurs, whatever its case (SQLite: of ASCII letters).
func (st *store) containing(list, q *gorm.DB, text string) (*gorm.DB, error) {
	pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(text) + "%"
	if st.db.Dialect != db.Postgres {
		return list.Where(`(id IN (SELECT chat_id FROM messages WHERE text LIKE ? ESCAPE '\')
			OR product_name LIKE ? ESCAPE '\' OR store_name LIKE ? ESCAPE '\' OR customer_name LIKE ? ESCAPE '\')`, pattern, pattern, pattern, pattern), nil
	}
	messages := `id IN (SELECT chat_id FROM messages WHERE text ILIKE ? ESCAPE '\')`
	n, err := estimate(q, `SELECT 1 FROM messages WHERE text ILIKE ? ESCAPE '\'`, pattern)
	if err != nil {
		return nil, err
	}
	if n > manyMessages {
		// OFFSET 0 keeps the planner from asking the index of texts for each chat.
		messages = `EXISTS (SELECT 1 FROM (SELECT m.text FROM messages m WHERE m.chat_id = chats.id OFFSET 0) t WHERE t.text ILIKE ? ESCAPE '\')`
	}
	return list.Where(`(product_name ILIKE ? ESCAPE '\' OR store_name ILIKE ? ESCAPE '\' OR customer_name ILIKE ? ESCAPE '\' OR `+messages+`)`,
		pattern, pattern, pattern, pattern), nil
}

// estimate is how many rows Postgres expects of a query, from its statistics, without running it.
func estimate(q *gorm.DB, query string, args ...any) (float64, error) {
	var out string
	if err := q.Raw("EXPLAIN (FORMAT JSON) "+query, args...).Row().Scan(&out); err != nil {
		return 0, fail("estimate a search", err)
	}
	var plans []struct {
		Plan struct {
			Rows float64 `json:"Plan Rows"`
		}
	}
	if err := json.Unmarshal([]byte(out), &plans); err != nil || len(plans) != 1 {
		return 0, fmt.Errorf("estimate a search: %d plans in %.100s: %v", len(plans), out, err)
	}
	return plans[0].Plan.Rows, nil
}

// userFigures is somebody's side of all their chats.
type userFigures struct {
	Chats, Unread, Undelivered int64
	First, Last                time.Time
	Name                       string
}

// user sums up somebody's chats; notFound when they have none.
func (st *store) user(ctx context.Context, u models.UserRef) (userFigures, error) {
	var out userFigures
	q := st.db.WithContext(ctx)
	mine := func() *gorm.DB { return q.Model(&models.Member{}).Where("user_type = ? AND user_id = ?", u.Type, u.ID) }
	err := mine().Select(`COUNT(*) AS chats, COALESCE(SUM(unread), 0) AS unread,
		COALESCE(SUM(CASE WHEN behind THEN 1 ELSE 0 END), 0) AS undelivered`).Scan(&out).Error
	if err != nil {
		return out, fail("sum up a user", err)
	}
	if out.Chats == 0 {
		return out, notFound()
	}
	var first, last models.Member // rows, not MIN and MAX: SQLite forgets that those are times
	if err := mine().Order("joined_at").Take(&first).Error; err != nil {
		return out, fail("read a user's first chat", err)
	}
	if err := mine().Order("last_message_at DESC, chat_id DESC").Take(&last).Error; err != nil {
		return out, fail("read a user's latest chat", err)
	}
	out.First, out.Last = first.JoinedAt, last.LastMessageAt
	c, err := st.chat(ctx, last.ChatID)
	if err != nil {
		return out, err
	}
	switch u.Type {
	case models.TypeCustomer:
		out.Name = c.CustomerName
	case models.TypeVendor:
		out.Name = c.StoreName
	}
	return out, nil
}

// stats counts everything; since is the beginning of "active".
func (st *store) stats(ctx context.Context, since time.Time) (StatsJSON, error) {
	var out StatsJSON
	// seq has no gaps, so the sum of the last places is the number of messages ever sent.
	err := st.db.WithContext(ctx).Raw(`SELECT
		(SELECT COUNT(*) FROM chats) AS chats,
		(SELECT COUNT(*) FROM chats WHERE active_minute >= ? AND last_message_at >= ?) AS active_chats,
		(SELECT COALESCE(SUM(last_seq), 0) FROM chats) AS messages,
		(SELECT COUNT(*) FROM messages WHERE rev > 0) AS deleted_messages,
		(SELECT COUNT(*) FROM (SELECT DISTINCT user_type, user_id FROM members) u) AS users,
		(SELECT COALESCE(SUM(unread), 0) FROM members WHERE has_unread AND left_at IS NULL) AS unread_messages,
		(SELECT COUNT(*) FROM members WHERE behind AND left_at IS NULL) AS undelivered,
		(SELECT COUNT(*) FROM products) AS products`, models.Minute(since), since).Scan(&out).Error
	return out, fail("count everything", err)
}
