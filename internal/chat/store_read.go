package chat

import (
	"context"
	"database/sql"
	"slices"

	"gorm.io/gorm"

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

// backlog reads what others wrote and u has not received, behind a place, in chat and seq order.
// In Postgres the limit of each chat lets it stop at the first chats of many.
func (st *store) backlog(ctx context.Context, u models.UserRef, at behind, limit int) ([]models.Message, error) {
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
		WHERE me.user_type = @type AND me.user_id = @id AND me.behind AND me.left_at IS NULL `+behindPlace+`
		ORDER BY me.chat_id, m.seq LIMIT @limit`, sql.Named("type", u.Type), sql.Named("id", u.ID),
		sql.Named("chat", at.chatID), sql.Named("seq", at.from), sql.Named("limit", limit)).Scan(&out).Error
	return st.showAll(out), fail("read the backlog", err)
}

// inbox reads a page of u's chats, latest activity first, with the newest messages of each. seq has
// no gaps, so "the newest 20" is a range of the primary key. The index has the minutes of the latest
// messages; within a minute it is sorted.
func (st *store) inbox(ctx context.Context, u models.UserRef, from wire.Cursor, limit, preview int, empty bool) ([]InboxItem, error) {
	q := st.db.WithContext(ctx)
	mine := q.Where("user_type = ? AND user_id = ? AND left_at IS NULL", u.Type, u.ID)
	if !empty {
		mine = mine.Where("last_seq > 0")
	}
	if from.ID != "" {
		mine = mine.Where("active_minute <= ? AND (last_message_at, chat_id) < (?, ?)", models.Minute(from.At), from.At, from.ID)
	}
	var rows []models.Member
	if err := mine.Order("active_minute DESC, last_message_at DESC, chat_id DESC").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fail("read inbox", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	items := make([]InboxItem, len(rows))
	index := make(map[string]*InboxItem, len(rows))
	ids := make([]string, len(rows))
	for i, m := range rows {
		items[i].Mine, ids[i] = m, m.ChatID
		index[m.ChatID] = &items[i]
	}
	return items, st.fillInbox(q, index, ids, preview)
}

func (st *store) fillInbox(q *gorm.DB, index map[string]*InboxItem, ids []string, preview int) error {
	var chats []models.Chat
	if err := q.Where("id IN ?", ids).Find(&chats).Error; err != nil {
		return fail("read chats", err)
	}
	for _, c := range chats {
		index[c.ID].Chat = c
	}
	var members []models.Member
	if err := q.Where("chat_id IN ? AND left_at IS NULL", ids).Order("chat_id, user_type, user_id").Find(&members).Error; err != nil {
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
	for _, item := range index {
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
		WHERE m.chat_id IN @chats AND m.seq > c.last_seq - @each ORDER BY m.chat_id, m.seq`
	if st.db.Dialect == db.Postgres {
		statement = `SELECT m.* FROM chats c CROSS JOIN LATERAL (
			SELECT * FROM messages WHERE chat_id = c.id AND seq > c.last_seq - @each ORDER BY seq DESC LIMIT @each
		) AS m WHERE c.id IN @chats ORDER BY m.chat_id, m.seq`
	}
	var out []models.Message
	err := q.Raw(statement, sql.Named("chats", chats), sql.Named("each", each)).Scan(&out).Error
	return out, fail("read newest messages", err)
}

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
