package chat

import (
	"context"
	"database/sql"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

func (st *store) messagesAfter(ctx context.Context, chatID string, seq int64, limit int) ([]models.Message, error) {
	var out []models.Message
	err := st.db.WithContext(ctx).Where("chat_id = ? AND seq > ?", chatID, seq).Order("seq").Limit(limit).Find(&out).Error
	return st.showAll(out), fail("read messages after", err)
}

// messagesBefore reads the newest messages before a place, oldest first.
func (st *store) messagesBefore(ctx context.Context, chatID string, seq int64, limit int) ([]models.Message, error) {
	var out []models.Message
	err := st.db.WithContext(ctx).Where("chat_id = ? AND seq < ?", chatID, seq).Order("seq DESC").Limit(limit).Find(&out).Error
	slices.Reverse(out)
	return st.showAll(out), fail("read messages before", err)
}

// deletedSince reads the tombstones up to a place that were made after a rev, in rev order.
func (st *store) deletedSince(ctx context.Context, chatID string, rev, seq int64) ([]models.Message, error) {
	var out []models.Message
	err := st.db.WithContext(ctx).Where("chat_id = ? AND rev > ? AND rev > 0 AND seq <= ?", chatID, rev, seq).Order("rev").Find(&out).Error
	return out, fail("read deletions", err)
}

// behind lists the chats in which u has not received everything, in chat order.
func (st *store) behind(ctx context.Context, u models.UserRef) ([]behind, error) {
	var members []models.Member
	err := st.db.WithContext(ctx).Select("chat_id, delivered_seq, last_seq").
		Where("user_type = ? AND user_id = ? AND behind AND left_at IS NULL", u.Type, u.ID).
		Order("chat_id").Find(&members).Error
	out := make([]behind, 0, len(members))
	for _, m := range members {
		out = append(out, behind{m.ChatID, m.DeliveredSeq, m.LastSeq})
	}
	return out, fail("read what is undelivered", err)
}

// backlog reads what others wrote and u has not received, behind a place and up to a chat, in chat and seq
// order. The plan that Postgres keeps reads all that is asked for before its first row, so that the caller bounds it; the
// limit of each chat bounds a long one.
func (st *store) backlog(ctx context.Context, u models.UserRef, at behind, lastChat string, limit int) ([]models.Message, error) {
	behindPlace := ""
	if at.chatID != "" {
		behindPlace = "AND me.chat_id >= @chat AND (me.chat_id > @chat OR m.seq > @seq)"
	}
	messages := "JOIN messages m ON m.chat_id = me.chat_id AND m.seq > me.delivered_seq AND NOT (m.sender_type = @type AND m.sender_id = @id)"
	if st.db.Dialect == db.Postgres {
		after := "me.delivered_seq"
		if at.chatID != "" {
			after = "CASE WHEN me.chat_id = @chat THEN GREATEST(me.delivered_seq, @seq) ELSE me.delivered_seq END"
		}
		messages = `CROSS JOIN LATERAL (
			SELECT * FROM messages WHERE chat_id = me.chat_id AND seq > ` + after + ` AND NOT (sender_type = @type AND sender_id = @id)
			ORDER BY seq LIMIT @limit
		) AS m`
	}
	var out []models.Message
	err := st.db.WithContext(ctx).Raw(`SELECT m.* FROM members me `+messages+`
		WHERE me.user_type = @type AND me.user_id = @id AND me.behind AND me.left_at IS NULL AND me.chat_id <= @last `+behindPlace+`
		ORDER BY me.chat_id, m.seq LIMIT @limit`, sql.Named("type", u.Type), sql.Named("id", u.ID),
		sql.Named("last", lastChat), sql.Named("chat", at.chatID), sql.Named("seq", at.from), sql.Named("limit", limit)).Scan(&out).Error
	return st.showAll(out), fail("read the backlog", err)
}

// inbox reads a page of u's chats, latest activity first, with the newest messages of each. seq has
// no gaps, so "the newest 20" is a range of the primary key.
func (st *store) inbox(ctx context.Context, u models.UserRef, from wire.Cursor, limit, preview int, empty bool) ([]InboxItem, error) {
	q := st.db.WithContext(ctx)
	items, err := st.listed(q, func() *gorm.DB {
		rows := sideOf(q, u, from)
		if !empty {
			rows = rows.Where("last_seq > 0")
		}
		return rows
	}, nil, limit)
	if err != nil {
		return nil, err
	}
	if err := st.fillInbox(q, items, preview); err != nil {
		return nil, err
	}
	for i := range items {
		for _, m := range items[i].Members {
			if m.User() == u {
				m.LastMessageAt = items[i].Mine.LastMessageAt // its place in the list, which may have changed since
				items[i].Mine = m
			}
		}
	}
	return items, nil
}

// sideOf is u's rows of members, behind a place of a list.
func sideOf(q *gorm.DB, u models.UserRef, from wire.Cursor) *gorm.DB {
	rows := q.Model(&models.Member{}).Where("user_type = ? AND user_id = ? AND left_at IS NULL", u.Type, u.ID)
	if from.ID != "" {
		rows = rows.Where("active_minute <= ? AND (last_message_at, chat_id) < (?, ?)", models.Minute(from.At), from.At, from.ID)
	}
	return rows
}

// listed reads the chats of rows of members, latest activity first; narrow, unless it is nil, leaves some of the chats out.
// The index has the minutes of the latest messages; within a minute it is sorted.
func (st *store) listed(q *gorm.DB, rows func() *gorm.DB, narrow func(chats *gorm.DB) (*gorm.DB, error), limit int) ([]InboxItem, error) {
	page := rows().Select("chat_id, active_minute, last_message_at")
	if narrow == nil {
		// The plan that Postgres keeps for a statement is one for a person of few chats: it would sort all of them. That
		// the page ends in the minute of its last row leaves it nothing but the page.
		end := rows().Select("active_minute").Order("active_minute DESC").Offset(limit - 1).Limit(1)
		page = page.Where("active_minute >= COALESCE((?), 0)", end).Order("active_minute DESC, last_message_at DESC, chat_id DESC").Limit(limit)
	}
	list := q.Table("(?) AS page", page).Joins("JOIN chats ON chats.id = page.chat_id").Select("chats.*, page.last_message_at AS place")
	if narrow != nil {
		var err error
		if list, err = narrow(list); err != nil {
			return nil, err
		}
	}
	var found []struct {
		models.Chat `gorm:"embedded"`
		Place       time.Time
	}
	err := list.Order("page.active_minute DESC, page.last_message_at DESC, page.chat_id DESC").Limit(limit).Find(&found).Error
	items := make([]InboxItem, len(found))
	for i, f := range found {
		items[i].Chat, items[i].Mine.LastMessageAt = f.Chat, f.Place
	}
	return items, fail("list chats", err)
}

// fillInbox reads who is in the chats of items, and their newest messages.
func (st *store) fillInbox(q *gorm.DB, items []InboxItem, preview int) error {
	if len(items) == 0 {
		return nil
	}
	index := make(map[string]*InboxItem, len(items))
	ids := make([]string, len(items))
	for i := range items {
		ids[i] = items[i].Chat.ID
		index[ids[i]] = &items[i]
	}
	var members []models.Member
	if err := q.Where(st.among("chat_id", ids)).Where("left_at IS NULL").Order("chat_id, user_type, user_id").Find(&members).Error; err != nil {
		return fail("read members", err)
	}
	for _, m := range members {
		index[m.ChatID].Members = append(index[m.ChatID].Members, m)
	}
	if preview == inboxPreview {
		ids = st.recent.fill(index)
	}
	if err := st.readNewest(q, index, ids, preview); err != nil {
		return err
	}
	for _, item := range items {
		st.showAll(item.Messages)
	}
	return nil
}

// readNewest reads the newest messages of chats in index.
func (st *store) readNewest(q *gorm.DB, index map[string]*InboxItem, ids []string, preview int) error {
	if len(ids) == 0 {
		return nil
	}
	messages, err := st.newest(q, ids, preview)
	if err != nil {
		return err
	}
	for _, m := range messages {
		index[m.ChatID].Messages = append(index[m.ChatID].Messages, m)
	}
	if preview == inboxPreview {
		for _, id := range ids {
			st.recent.keep(index[id])
		}
	}
	return nil
}

// newest reads the last messages of each chat, in chat and seq order. In Postgres the limit of each
// chat keeps the planner from reading whole chats when a few are long.
func (st *store) newest(q *gorm.DB, chats []string, each int) ([]models.Message, error) {
	statement := `SELECT m.* FROM messages m JOIN chats c ON c.id = m.chat_id
		WHERE m.chat_id IN ? AND m.seq > c.last_seq - ? ORDER BY m.chat_id, m.seq`
	values := []any{chats, each}
	if st.db.Dialect == db.Postgres {
		statement = `SELECT m.* FROM chats c CROSS JOIN LATERAL (
			SELECT * FROM messages WHERE chat_id = c.id AND seq > c.last_seq - ? ORDER BY seq DESC LIMIT ?
		) AS m WHERE c.id = ANY (CAST(? AS uuid[])) ORDER BY m.chat_id, m.seq`
		values = []any{each, each, uuids(chats)}
	}
	var out []models.Message
	err := q.Raw(statement, values...).Scan(&out).Error
	return out, fail("read newest messages", err)
}

// among is the condition that a column has one of some ids. In Postgres they are one argument, so that a
// statement is the same for any number of them and its plan is kept: to plan one for fifty takes as long as to run it.
func (st *store) among(column string, ids []string) clause.Expression {
	if st.db.Dialect == db.Postgres {
		return gorm.Expr("? = ANY (CAST(? AS uuid[]))", clause.Column{Name: column}, uuids(ids))
	}
	return gorm.Expr("? IN ?", clause.Column{Name: column}, ids)
}

// uuids is an array of them as Postgres reads it from a text.
func uuids(ids []string) string { return "{" + strings.Join(ids, ",") + "}" }

func (st *store) unreadTotal(ctx context.Context, u models.UserRef) (int64, error) {
	var n int64
	err := st.db.WithContext(ctx).Model(&models.Member{}).
		Where("user_type = ? AND user_id = ? AND has_unread AND left_at IS NULL", u.Type, u.ID).
		Select("COALESCE(SUM(unread), 0)").Scan(&n).Error
	return n, fail("count unread", err)
}

func (st *store) messageByID(ctx context.Context, id string) (models.Message, error) {
	var m models.Message
	err := st.db.WithContext(ctx).Where("id = ?", id).Take(&m).Error
	if db.IsNotFound(err) {
		return m, messageNotFound()
	}
	return m, fail("read message", err)
}
