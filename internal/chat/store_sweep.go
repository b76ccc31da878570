package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// activePostgres goes through the people one by one, each two short ranges of an index: their
// chats with activity since a moment, and those in which they have not received everything.
const activePostgres = `
SELECT x.chat_id, x.user_type, x.user_id, x.last_seq
FROM json_to_recordset(?::json) AS p(t text, i text)
CROSS JOIN LATERAL (
	(SELECT m.chat_id, m.user_type, m.user_id, m.last_seq FROM members m
	WHERE m.user_type = p.t AND m.user_id = p.i AND m.left_at IS NULL AND m.active_minute >= ? AND m.last_message_at > ?
	ORDER BY m.active_minute DESC, m.last_message_at DESC, m.chat_id DESC LIMIT 200)
	UNION
	(SELECT m.chat_id, m.user_type, m.user_id, m.last_seq FROM members m
	WHERE m.user_type = p.t AND m.user_id = p.i AND m.left_at IS NULL AND m.behind
	ORDER BY m.chat_id LIMIT 200)
) AS x`

const activeSQLite = `
WITH p AS (SELECT value ->> 't' AS t, value ->> 'i' AS i FROM json_each(?))
SELECT m.chat_id, m.user_type, m.user_id, m.last_seq FROM p CROSS JOIN members m
WHERE m.user_type = p.t AND m.user_id = p.i AND m.left_at IS NULL AND m.active_minute >= ? AND m.last_message_at > ?
UNION
SELECT m.chat_id, m.user_type, m.user_id, m.last_seq FROM p CROSS JOIN members m
WHERE m.user_type = p.t AND m.user_id = p.i AND m.left_at IS NULL AND m.behind`

// active reads, for some people, the chats in which something happened since a moment or in which
// they are behind. Only the key and LastSeq of the members are filled.
func (st *store) active(ctx context.Context, people []models.UserRef, since time.Time) ([]models.Member, error) {
	type person struct {
		T models.UserType `json:"t"`
		I string          `json:"i"`
	}
	list := make([]person, len(people))
	for i, u := range people {
		list[i] = person{u.Type, u.ID}
	}
	b, err := json.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("encode people: %w", err)
	}
	statement := activeSQLite
	if st.db.Dialect == db.Postgres {
		statement = activePostgres
	}
	var rows []models.Member
	err = st.db.WithContext(ctx).Raw(statement, string(b), models.Minute(since), since.UTC()).Scan(&rows).Error
	return rows, fail("read active chats", err)
}

// placeBefore is the newest place of a chat that was written before a moment, 0 for none.
func (st *store) placeBefore(ctx context.Context, chatID string, at time.Time) (int64, error) {
	var seqs []int64
	err := st.db.WithContext(ctx).Model(&models.Message{}).Where("chat_id = ? AND created_at < ?", chatID, at.UTC()).
		Order("seq DESC").Limit(1).Pluck("seq", &seqs).Error
	if err != nil || len(seqs) == 0 {
		return 0, fail("read a place by time", err)
	}
	return seqs[0], nil
}
