package chat

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

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

// appendStatement is the whole append as one statement, so that alone it is its own transaction
// and costs one round trip. The chats' rows are locked in id order; the members' rows are only
// ever written for a chat by whoever holds the chat, or one by one.
//
// $1 chat, $2 how many, $3 when | $4 chat, $5 place in the run, $6 id, $7 $8 sender, $9 key,
// $10 hash, $11 text, $12 images, $13 online, $14 when |
// $15 chat, $16 $17 member, $18 lead, $19 last own, $20 messages of others behind it
const appendStatement = `
WITH runs AS (
	SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS r(chat_id, n, at)
), locked AS MATERIALIZED (
	SELECT c.id FROM chats c WHERE c.id = ANY($1::uuid[]) ORDER BY c.id FOR UPDATE
), moved AS (
	UPDATE chats c SET last_seq = c.last_seq + r.n,
		last_message_at = GREATEST(c.last_message_at, r.at), updated_at = GREATEST(c.updated_at, r.at)
	FROM runs r JOIN locked l ON l.id = r.chat_id WHERE c.id = r.chat_id AND c.deleted_at IS NULL
	RETURNING c.id, c.last_seq - r.n AS base, c.last_seq, c.last_message_at, r.n, r.at
), stored AS (
	INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, client_message_id, content_hash, text, images, recipient_online, created_at, updated_at)
	SELECT m.chat_id, moved.base + m.place, m.id, m.sender_type, m.sender_id, m.key, m.hash, m.text, m.images, m.online, m.at, m.at
	FROM unnest($4::uuid[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[], $10::bytea[], $11::text[], $12::text[], $13::boolean[], $14::timestamptz[])
		AS m(chat_id, place, id, sender_type, sender_id, key, hash, text, images, online, at)
	JOIN moved ON moved.id = m.chat_id
), plan AS (
	SELECT p.*, moved.base, moved.n, moved.at, moved.last_seq, moved.last_message_at
	FROM unnest($15::uuid[], $16::text[], $17::text[], $18::bigint[], $19::bigint[], $20::bigint[]) AS p(chat_id, user_type, user_id, lead, last_own, after)
	JOIN moved ON moved.id = p.chat_id
), members_moved AS (
	UPDATE members x SET last_seq = p.last_seq, last_message_at = p.last_message_at,
		delivered_seq = CASE WHEN x.delivered_seq = p.base THEN p.base + p.lead ELSE x.delivered_seq END,
		read_seq = CASE WHEN p.last_own > 0 THEN p.base + p.last_own ELSE x.read_seq END,
		read_at = CASE WHEN p.last_own > 0 THEN p.at ELSE x.read_at END,
		unread = CASE WHEN p.last_own > 0 THEN p.after ELSE x.unread + p.n END
	FROM plan p JOIN members was ON was.chat_id = p.chat_id AND was.user_type = p.user_type AND was.user_id = p.user_id
	WHERE x.chat_id = p.chat_id AND x.user_type = p.user_type AND x.user_id = p.user_id
	RETURNING p.chat_id, p.base, p.user_type, p.user_id, CASE WHEN p.last_own > 0 THEN was.unread ELSE 0 END AS unread
)
SELECT chat_id::text, base, user_type, user_id, unread FROM members_moved`

// columns are the arrays of appendStatement.
type columns struct {
	runChat                                      []string
	runLen                                       []int64
	runAt                                        []time.Time
	chat, id, senderType, senderID, text, images []string
	place                                        []int64
	key                                          []*string
	hash                                         [][]byte
	online                                       []bool
	at                                           []time.Time
	memberChat, memberType, memberID             []string
	memberLead, memberLastOwn, memberAfter       []int64
}

func newColumns(plans []chatPlan) *columns {
	c := &columns{}
	for _, p := range plans {
		id := p.entry.chat.ID
		c.runChat, c.runLen, c.runAt = append(c.runChat, id), append(c.runLen, int64(len(p.ops))), append(c.runAt, p.at)
		for i, op := range p.ops {
			m := op.message
			c.chat, c.place, c.id = append(c.chat, id), append(c.place, int64(i+1)), append(c.id, m.ID)
			c.senderType, c.senderID = append(c.senderType, string(m.SenderType)), append(c.senderID, m.SenderID)
			c.key, c.hash = append(c.key, m.ClientMessageID), append(c.hash, m.ContentHash)
			c.text, c.images = append(c.text, m.Text), append(c.images, m.Images)
			c.online, c.at = append(c.online, m.RecipientOnline), append(c.at, m.CreatedAt)
		}
		for _, m := range p.members {
			c.memberChat = append(c.memberChat, id)
			c.memberType, c.memberID = append(c.memberType, string(m.user.Type)), append(c.memberID, m.user.ID)
			c.memberLead, c.memberLastOwn, c.memberAfter = append(c.memberLead, m.lead), append(c.memberLastOwn, m.lastOwn), append(c.memberAfter, m.after)
		}
	}
	return c
}

// writePostgres goes past GORM's statement builder to its connection, because the arguments are
// arrays, which the builder would expand into one placeholder a value.
func writePostgres(ctx context.Context, q gorm.ConnPool, plans []chatPlan) error {
	c := newColumns(plans)
	rows, err := q.QueryContext(ctx, appendStatement, c.runChat, c.runLen, c.runAt,
		c.chat, c.place, c.id, c.senderType, c.senderID, c.key, c.hash, c.text, c.images, c.online, c.at,
		c.memberChat, c.memberType, c.memberID, c.memberLead, c.memberLastOwn, c.memberAfter)
	if err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	defer rows.Close()
	base := make(map[string]int64, len(plans))
	unread := make(map[string]map[models.UserRef]int64, len(plans))
	for rows.Next() {
		var id string
		var from, n int64
		var u models.UserRef
		if err := rows.Scan(&id, &from, &u.Type, &u.ID, &n); err != nil {
			return fmt.Errorf("append messages: %w", err)
		}
		base[id] = from
		if n == 0 {
			continue
		}
		if unread[id] == nil {
			unread[id] = map[models.UserRef]int64{}
		}
		unread[id][u] = n
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	for _, p := range plans {
		id := p.entry.chat.ID
		from, ok := base[id]
		if !ok {
			p.gone()
			continue
		}
		p.place(from, unread[id])
	}
	return nil
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
