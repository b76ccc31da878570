package chat

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// store is every query of this feature. It returns the feature's own facts (notFound) and
// otherwise errors that db.Translate has given a code.
type store struct {
	db       *db.DB
	pictures Pictures // nil: messages have no pictures of ours
	recent   *recent  // of the lists people are shown
}

func (st *store) tx(ctx context.Context, f func(tx *gorm.DB) error) error {
	return db.Translate(st.db.WithContext(ctx).Transaction(f))
}

// fail gives a driver error its code and says which query it was.
func fail(query string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", query, db.Translate(err))
}

// entry reads a chat and its present members, in no order.
func (st *store) entry(ctx context.Context, id string) (*entry, error) {
	return readEntry(st.db.WithContext(ctx), id)
}

func readEntry(q *gorm.DB, id string) (*entry, error) {
	var c models.Chat
	if err := q.Where("id = ? AND deleted_at IS NULL", id).Take(&c).Error; err != nil {
		if db.IsNotFound(err) {
			return nil, notFound()
		}
		return nil, fail("read chat", err)
	}
	e := &entry{chat: c}
	if c.Kind == models.KindProduct { // its people are in its own row
		customer, vendor := c.Parties()
		e.members = []models.UserRef{customer, vendor}
		return e, nil
	}
	members, err := readMembers(q, id)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		e.members = append(e.members, m.User())
	}
	return e, nil
}

// members reads the present members of a chat with their positions, in key order.
func (st *store) members(ctx context.Context, chatID string) ([]models.Member, error) {
	return readMembers(st.db.WithContext(ctx), chatID)
}

func readMembers(q *gorm.DB, chatID string) ([]models.Member, error) {
	var members []models.Member
	err := q.Where("chat_id = ? AND left_at IS NULL", chatID).Order("user_type, user_id").Find(&members).Error
	return members, fail("read members", err)
}

// chat reads one chat with its present figures.
func (st *store) chat(ctx context.Context, id string) (models.Chat, error) {
	var c models.Chat
	err := st.db.WithContext(ctx).Where("id = ?", id).Take(&c).Error
	if db.IsNotFound(err) {
		return c, notFound()
	}
	return c, fail("read chat", err)
}

// revs reads the rev of some chats, by their id.
func (st *store) revs(ctx context.Context, chats []Resumed) (map[string]int64, error) {
	ids := make([]string, len(chats))
	for i, c := range chats {
		ids[i] = c.Chat.ID
	}
	var rows []models.Chat
	err := st.db.WithContext(ctx).Select("id", "rev").Where("id IN ?", ids).Find(&rows).Error
	out := make(map[string]int64, len(rows))
	for _, c := range rows {
		out[c.ID] = c.Rev
	}
	return out, fail("read revs", err)
}

// member reads one person's side of a chat; notFound when they are not in it.
func (st *store) member(ctx context.Context, chatID string, u models.UserRef) (models.Member, error) {
	var m models.Member
	err := st.db.WithContext(ctx).Where("chat_id = ? AND user_type = ? AND user_id = ? AND left_at IS NULL", chatID, u.Type, u.ID).Take(&m).Error
	if db.IsNotFound(err) {
		return m, notFound()
	}
	return m, fail("read member", err)
}

func (st *store) idOfTriple(ctx context.Context, t triple) (string, error) {
	return readTriple(st.db.WithContext(ctx), t)
}

func readTriple(q *gorm.DB, t triple) (string, error) {
	var c models.Chat
	err := q.Select("id").Where("kind = 'product' AND product_id = ? AND vendor_id = ? AND customer_id = ?", t.product, t.vendor, t.customer).Take(&c).Error
	if db.IsNotFound(err) {
		return "", notFound()
	}
	return c.ID, fail("find product chat", err)
}

// attachment reads an upload of owner that no message uses yet.
func (st *store) attachment(ctx context.Context, owner models.UserRef, id string) (models.Attachment, error) {
	var a models.Attachment
	err := st.db.WithContext(ctx).Where("id = ? AND owner_type = ? AND owner_id = ? AND message_id IS NULL AND deleted_at IS NULL AND NOT purged", id, owner.Type, owner.ID).Take(&a).Error
	if db.IsNotFound(err) {
		return a, notFound()
	}
	return a, fail("read attachment", err)
}

// counterparts are the people who share a chat with u, each once, in no order.
func (st *store) counterparts(ctx context.Context, u models.UserRef) ([]models.UserRef, error) {
	var out []models.UserRef
	err := st.db.WithContext(ctx).Raw(`SELECT DISTINCT o.user_type AS type, o.user_id AS id FROM members me JOIN members o ON o.chat_id = me.chat_id
		WHERE me.user_type = ? AND me.user_id = ? AND me.left_at IS NULL AND o.left_at IS NULL
		AND NOT (o.user_type = me.user_type AND o.user_id = me.user_id)`, u.Type, u.ID).Scan(&out).Error
	return out, fail("read counterparts", err)
}

// shares reports whether two people are in one chat.
func (st *store) shares(ctx context.Context, a, b models.UserRef) (bool, error) {
	var n int64
	err := st.db.WithContext(ctx).Raw(`SELECT COUNT(*) FROM (SELECT 1 FROM members x JOIN members y ON y.chat_id = x.chat_id
		WHERE x.user_type = ? AND x.user_id = ? AND y.user_type = ? AND y.user_id = ? AND x.left_at IS NULL AND y.left_at IS NULL LIMIT 1) s`,
		a.Type, a.ID, b.Type, b.ID).Scan(&n).Error
	return n > 0, fail("read shared chats", err)
}
