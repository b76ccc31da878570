package chat

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"gorm.io/gorm"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// write stores new messages. Every op has its entry; no key repeats within the batch.
func (st *store) write(ctx context.Context, q gorm.ConnPool, batch []*appendOp) error {
	plans := planAppend(batch)
	if st.db.Dialect == db.Postgres {
		return writePostgres(ctx, q, plans)
	}
	return writeSQLite(ctx, q, plans)
}

// gone answers a run whose chat has been erased since the directory saw it.
func (p chatPlan) gone() {
	for _, op := range p.ops {
		op.err = notFound()
	}
}

// writeSQLite does the same row by row: the database is in this process, a round trip is a call.
func writeSQLite(ctx context.Context, q gorm.ConnPool, plans []chatPlan) error {
	for _, p := range plans {
		if err := writeRunSQLite(ctx, q, p); err != nil {
			return fmt.Errorf("append messages: %w", err)
		}
	}
	return nil
}

func writeRunSQLite(ctx context.Context, q gorm.ConnPool, p chatPlan) error {
	id, n := p.entry.chat.ID, int64(len(p.ops))
	var last int64
	err := q.QueryRowContext(ctx, `UPDATE chats SET last_seq = last_seq + ?1, last_message_at = max(last_message_at, ?2), updated_at = max(updated_at, ?2)
		WHERE id = ?3 AND deleted_at IS NULL RETURNING last_seq`, n, p.at, id).Scan(&last)
	if db.IsNotFound(err) {
		p.gone()
		return nil
	}
	if err != nil {
		return err
	}
	base := last - n
	unread := map[models.UserRef]int64{}
	for _, m := range p.members {
		if m.lastOwn == 0 {
			continue
		}
		var before int64
		err := q.QueryRowContext(ctx, `SELECT unread FROM members WHERE chat_id = ? AND user_type = ? AND user_id = ?`, id, m.user.Type, m.user.ID).Scan(&before)
		if err != nil && err != sql.ErrNoRows {
			return err
		}
		unread[m.user] = before
	}
	p.place(base, unread)
	for _, op := range p.ops {
		m := op.message
		if _, err := q.ExecContext(ctx, `INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, client_message_id, content_hash, text, images, recipient_online, created_at, updated_at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)`,
			id, m.Seq, m.ID, m.SenderType, m.SenderID, m.ClientMessageID, m.ContentHash, m.Text, m.Images, m.RecipientOnline, m.CreatedAt); err != nil {
			return err
		}
	}
	for _, m := range p.members {
		if _, err := q.ExecContext(ctx, `UPDATE members SET last_seq = ?1, last_message_at = max(last_message_at, ?2),
			delivered_seq = CASE WHEN delivered_seq = ?3 THEN ?3 + ?4 ELSE delivered_seq END,
			read_seq = CASE WHEN ?5 > 0 THEN ?3 + ?5 ELSE read_seq END,
			read_at = CASE WHEN ?5 > 0 THEN ?2 ELSE read_at END,
			unread = CASE WHEN ?5 > 0 THEN ?6 ELSE unread + ?7 END
			WHERE chat_id = ?8 AND user_type = ?9 AND user_id = ?10`,
			last, p.at, base, m.lead, m.lastOwn, m.after, n, id, m.user.Type, m.user.ID); err != nil {
			return err
		}
	}
	return nil
}

// byKeys reads the messages stored under the batch's keys, by op.key().
func (st *store) byKeys(tx *gorm.DB, batch []*appendOp) (map[string]models.Message, error) {
	type key struct {
		T models.UserType `json:"t"`
		I string          `json:"i"`
		K string          `json:"k"`
	}
	var keys []key
	for _, op := range batch {
		if op.message.ClientMessageID != nil {
			keys = append(keys, key{op.message.SenderType, op.message.SenderID, *op.message.ClientMessageID})
		}
	}
	if len(keys) == 0 {
		return nil, nil
	}
	list, err := json.Marshal(keys)
	if err != nil {
		return nil, fmt.Errorf("encode keys: %w", err)
	}
	query := `SELECT m.* FROM json_each(?) k CROSS JOIN messages m ON m.sender_type = k.value ->> 't' AND m.sender_id = k.value ->> 'i' AND m.client_message_id = k.value ->> 'k'`
	if st.db.Dialect == db.Postgres {
		query = `SELECT m.* FROM json_to_recordset(?::json) AS k(t text, i text, k text) JOIN messages m ON m.sender_type = k.t AND m.sender_id = k.i AND m.client_message_id = k.k`
	}
	var stored []models.Message
	if err := tx.Raw(query, string(list)).Scan(&stored).Error; err != nil {
		return nil, fmt.Errorf("read messages by key: %w", err)
	}
	out := make(map[string]models.Message, len(stored))
	for _, m := range stored {
		out[m.Sender().String()+"\x00"+*m.ClientMessageID] = m
	}
	return out, nil
}

// useImages ties uploads to the message that shows them; one that another message has taken
// in the meantime fails the batch, and the sender alone on the second try.
func useImages(tx *gorm.DB, batch []*appendOp) error {
	for _, op := range batch {
		if len(op.images) == 0 || op.err != nil {
			continue
		}
		taken := tx.Model(&models.Attachment{}).
			Where("id IN ? AND owner_type = ? AND owner_id = ? AND message_id IS NULL AND deleted_at IS NULL", op.images, op.message.SenderType, op.message.SenderID).
			Updates(map[string]any{"chat_id": op.message.ChatID, "message_id": op.message.ID})
		if taken.Error != nil {
			return fmt.Errorf("use images: %w", taken.Error)
		}
		if taken.RowsAffected != int64(len(op.images)) {
			return invalid("an image of this message is already used by another one: upload it again")
		}
	}
	return nil
}
