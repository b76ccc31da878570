package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// moveRead moves one read position and recounts what is unread behind it. moved is false when it
// stood there or further. The member's row is locked before counting, because a message that is
// being appended adds to the same counter.
func (st *store) moveRead(ctx context.Context, chatID string, u models.UserRef, upTo int64, at time.Time) (m models.Member, moved bool, err error) {
	err = st.tx(ctx, func(tx *gorm.DB) error {
		q := tx.Where("chat_id = ? AND user_type = ? AND user_id = ? AND left_at IS NULL", chatID, u.Type, u.ID)
		if st.db.Dialect == db.Postgres {
			q = q.Clauses(clause.Locking{Strength: "UPDATE"})
		}
		if err := q.Take(&m).Error; err != nil {
			if db.IsNotFound(err) {
				return notFound()
			}
			return fmt.Errorf("read member: %w", err)
		}
		if upTo == toEnd || upTo > m.LastSeq {
			upTo = m.LastSeq
		}
		if upTo <= m.ReadSeq {
			return nil
		}
		m.ReadSeq, m.ReadAt, m.Unread, moved = upTo, &at, 0, true
		if upTo < m.LastSeq {
			if m.Unread, err = unreadAfter(tx, chatID, u, upTo); err != nil {
				return err
			}
		}
		return tx.Model(&models.Member{}).Where("chat_id = ? AND user_type = ? AND user_id = ?", chatID, u.Type, u.ID).
			Updates(map[string]any{"read_seq": m.ReadSeq, "read_at": at, "unread": m.Unread}).Error
	})
	return m, moved, err
}

// unreadAfter counts what somebody else wrote behind a place and did not delete.
func unreadAfter(tx *gorm.DB, chatID string, u models.UserRef, seq int64) (int64, error) {
	var n int64
	err := tx.Model(&models.Message{}).
		Where("chat_id = ? AND seq > ? AND deleted_at IS NULL AND NOT (sender_type = ? AND sender_id = ?)", chatID, seq, u.Type, u.ID).
		Count(&n).Error
	return n, fail("count unread", err)
}

// deliveredPostgres skips rows that a message is just being appended to: the next round, a
// moment later, moves them, and two writers never wait for each other in a circle.
const deliveredPostgres = `
WITH p AS (SELECT * FROM json_to_recordset(?::json) AS p(c uuid, t text, i text, s bigint)),
free AS (
	SELECT m.chat_id, m.user_type, m.user_id, LEAST(p.s, m.last_seq) AS seq FROM members m
	JOIN p ON m.chat_id = p.c AND m.user_type = p.t AND m.user_id = p.i
	WHERE m.delivered_seq < LEAST(p.s, m.last_seq) FOR UPDATE OF m SKIP LOCKED
)
UPDATE members m SET delivered_seq = free.seq FROM free
WHERE m.chat_id = free.chat_id AND m.user_type = free.user_type AND m.user_id = free.user_id
RETURNING m.*`

const deliveredSQLite = `
UPDATE members SET delivered_seq = min(p.s, last_seq)
FROM (SELECT value ->> 'c' AS c, value ->> 't' AS t, value ->> 'i' AS i, value ->> 's' AS s FROM json_each(?)) AS p
WHERE chat_id = p.c AND user_type = p.t AND user_id = p.i AND delivered_seq < min(p.s, last_seq)
RETURNING *`

// stillBehind are the positions that moveDelivered had to skip. After a failure it is empty: a
// later heartbeat confirms them again.
func (st *store) stillBehind(ctx context.Context, positions map[position]int64) map[position]int64 {
	if st.db.Dialect != db.Postgres {
		return nil
	}
	list, err := encodePositions(positions)
	if err != nil {
		return nil
	}
	var rows []positionRow
	err = st.db.WithContext(ctx).Raw(`SELECT p.* FROM json_to_recordset(?::json) AS p(c uuid, t text, i text, s bigint)
		JOIN members m ON m.chat_id = p.c AND m.user_type = p.t AND m.user_id = p.i WHERE m.delivered_seq < LEAST(p.s, m.last_seq)`, list).Scan(&rows).Error
	if err != nil {
		return nil
	}
	out := make(map[position]int64, len(rows))
	for _, r := range rows {
		out[position{r.C, models.UserRef{Type: r.T, ID: r.I}}] = r.S
	}
	return out
}

// positionRow is one position on its way into a statement.
type positionRow struct {
	C string          `json:"c"`
	T models.UserType `json:"t"`
	I string          `json:"i"`
	S int64           `json:"s"`
}

func encodePositions(positions map[position]int64) (string, error) {
	rows := make([]positionRow, 0, len(positions))
	for p, seq := range positions {
		rows = append(rows, positionRow{p.chatID, p.user.Type, p.user.ID, seq})
	}
	list, err := json.Marshal(rows)
	if err != nil {
		return "", fmt.Errorf("encode positions: %w", err)
	}
	return string(list), nil
}

// moveDelivered moves delivered positions forward and returns the members it moved.
func (st *store) moveDelivered(ctx context.Context, positions map[position]int64) ([]models.Member, error) {
	list, err := encodePositions(positions)
	if err != nil {
		return nil, err
	}
	statement := deliveredSQLite
	if st.db.Dialect == db.Postgres {
		statement = deliveredPostgres
	}
	var moved []models.Member
	err = st.db.WithContext(ctx).Raw(statement, list).Scan(&moved).Error
	return moved, fail("move delivered positions", err)
}
