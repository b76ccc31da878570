package chat

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"chaffer/internal/models"
)

// appendStatement is the whole append as one statement, so that alone it is its own transaction
// and costs one round trip. The chats' rows are locked in the order given, which is that of their
// ids; the members' rows are only ever written for a chat by whoever holds the chat, or one by one.
//
// A plan that is kept must be good for one message and for 500, in an empty database and in a large
// one, so nothing in it is left to a guess of sizes: rows are found by their keys one after the other
// (LATERAL, and a LIMIT whose value the planner does not know and takes for a tenth), and what
// belongs to a run is looked up by its place in an array, never joined.
//
// $1 chat, $2 how many, $3 when, $4 how many runs | $5 run, $6 place in it, $7 id, $8 $9 sender,
// $10 key, $11 hash, $12 text, $13 images, $14 online, $15 when |
// $16 run, $17 $18 member, $19 lead, $20 last own, $21 messages of others behind it, $22 how many members
const appendStatement = `
WITH locked AS MATERIALIZED (
	SELECT r.ord, r.n, r.at, c.id, c.last_seq AS base, GREATEST(c.last_message_at, r.at) AS latest
	FROM (SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) WITH ORDINALITY AS r(chat_id, n, at, ord) LIMIT $4) r
	LEFT JOIN LATERAL (
		SELECT c.id, c.last_seq, c.last_message_at FROM chats c WHERE c.id = r.chat_id AND c.deleted_at IS NULL FOR UPDATE
	) c ON true
), run AS MATERIALIZED (
	SELECT array_agg(base ORDER BY ord) AS base, array_agg(latest ORDER BY ord) AS latest FROM locked
), moved AS (
	UPDATE chats c SET last_seq = l.base + l.n, last_message_at = l.latest, updated_at = GREATEST(c.updated_at, l.at)
	FROM locked l WHERE c.id = l.id
), stored AS (
	INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, client_message_id, content_hash, text, images, recipient_online, created_at, updated_at)
	SELECT ($1::uuid[])[m.run], run.base[m.run] + m.place, m.id, m.sender_type, m.sender_id, m.key, m.hash, m.text, m.images, m.online, m.at, m.at
	FROM unnest($5::bigint[], $6::bigint[], $7::uuid[], $8::text[], $9::text[], $10::text[], $11::bytea[], $12::text[], $13::text[], $14::boolean[], $15::timestamptz[])
		AS m(run, place, id, sender_type, sender_id, key, hash, text, images, online, at)
	CROSS JOIN run WHERE run.base[m.run] IS NOT NULL
), members_moved AS (
	UPDATE members x SET last_seq = p.base + p.n, last_message_at = p.latest,
		delivered_seq = CASE WHEN x.delivered_seq = p.base THEN p.base + p.lead ELSE x.delivered_seq END,
		read_seq = CASE WHEN p.last_own > 0 THEN p.base + p.last_own ELSE x.read_seq END,
		read_at = CASE WHEN p.last_own > 0 THEN p.at ELSE x.read_at END,
		unread = CASE WHEN p.last_own > 0 THEN p.after ELSE x.unread + p.n END
	FROM (
		SELECT p.*, ($1::uuid[])[p.run] AS chat_id, ($2::bigint[])[p.run] AS n, ($3::timestamptz[])[p.run] AS at,
			run.base[p.run] AS base, run.latest[p.run] AS latest, was.unread
		FROM (SELECT * FROM unnest($16::bigint[], $17::text[], $18::text[], $19::bigint[], $20::bigint[], $21::bigint[])
			WITH ORDINALITY AS p(run, user_type, user_id, lead, last_own, after, ord) LIMIT $22) p
		CROSS JOIN run
		CROSS JOIN LATERAL (SELECT w.unread FROM members w
			WHERE w.chat_id = ($1::uuid[])[p.run] AND w.user_type = p.user_type AND w.user_id = p.user_id OFFSET 0) was
		WHERE run.base[p.run] IS NOT NULL
	) p
	WHERE x.chat_id = p.chat_id AND x.user_type = p.user_type AND x.user_id = p.user_id
	RETURNING p.ord, CASE WHEN p.last_own > 0 THEN p.unread ELSE 0 END AS unread
)
SELECT false AS member, ord, base AS value FROM locked WHERE base IS NOT NULL
UNION ALL SELECT true, ord, unread FROM members_moved WHERE unread > 0`

// columns are the arrays of appendStatement. A run is named by its place among the runs, from 1.
type columns struct {
	chat, id                           [][16]byte // as strings pgx sends them as text, after it has looked for another way
	length                             []int64
	began                              []time.Time
	run, place                         []int64
	senderType, senderID               []string
	text, images                       []string
	key                                []*string
	hash                               [][]byte
	online                             []bool
	at                                 []time.Time
	memberRun                          []int64
	memberType, memberID               []string
	memberLead, memberOwn, memberAfter []int64
}

func newColumns(plans []chatPlan) (*columns, error) {
	messages, members := 0, 0
	for _, p := range plans {
		messages, members = messages+len(p.ops), members+len(p.members)
	}
	c := &columns{
		chat: make([][16]byte, 0, len(plans)), length: make([]int64, 0, len(plans)), began: make([]time.Time, 0, len(plans)),
		run: make([]int64, 0, messages), place: make([]int64, 0, messages), id: make([][16]byte, 0, messages),
		senderType: make([]string, 0, messages), senderID: make([]string, 0, messages), text: make([]string, 0, messages), images: make([]string, 0, messages),
		key: make([]*string, 0, messages), hash: make([][]byte, 0, messages), online: make([]bool, 0, messages), at: make([]time.Time, 0, messages),
		memberRun: make([]int64, 0, members), memberType: make([]string, 0, members), memberID: make([]string, 0, members),
		memberLead: make([]int64, 0, members), memberOwn: make([]int64, 0, members), memberAfter: make([]int64, 0, members),
	}
	for i, p := range plans {
		run := int64(i + 1)
		chat, err := uuid.Parse(p.entry.chat.ID)
		if err != nil {
			return nil, fmt.Errorf("chat %q: %w", p.entry.chat.ID, err)
		}
		c.chat, c.length, c.began = append(c.chat, chat), append(c.length, int64(len(p.ops))), append(c.began, p.at)
		for i, op := range p.ops {
			m := &op.message
			id, err := uuid.Parse(m.ID)
			if err != nil {
				return nil, fmt.Errorf("message %q: %w", m.ID, err)
			}
			c.run, c.place, c.id = append(c.run, run), append(c.place, int64(i+1)), append(c.id, id)
			c.senderType, c.senderID = append(c.senderType, string(m.SenderType)), append(c.senderID, m.SenderID)
			c.key, c.hash = append(c.key, m.ClientMessageID), append(c.hash, m.ContentHash)
			c.text, c.images = append(c.text, m.Text), append(c.images, m.Images)
			c.online, c.at = append(c.online, m.RecipientOnline), append(c.at, m.CreatedAt)
		}
		for _, m := range p.members {
			c.memberRun = append(c.memberRun, run)
			c.memberType, c.memberID = append(c.memberType, string(m.user.Type)), append(c.memberID, m.user.ID)
			c.memberLead, c.memberOwn, c.memberAfter = append(c.memberLead, m.lead), append(c.memberOwn, m.lastOwn), append(c.memberAfter, m.after)
		}
	}
	return c, nil
}

// arguments are those of appendStatement, in its order.
func (c *columns) arguments() []any {
	return []any{
		c.chat, c.length, c.began, len(c.chat),
		c.run, c.place, c.id, c.senderType, c.senderID, c.key, c.hash, c.text, c.images, c.online, c.at,
		c.memberRun, c.memberType, c.memberID, c.memberLead, c.memberOwn, c.memberAfter, len(c.memberRun),
	}
}

// writePostgres goes past GORM's statement builder to its connection, because the arguments are
// arrays, which the builder would expand into one placeholder a value.
func writePostgres(ctx context.Context, q gorm.ConnPool, plans []chatPlan) error {
	c, err := newColumns(plans)
	if err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	rows, err := q.QueryContext(ctx, appendStatement, c.arguments()...)
	if err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	defer rows.Close()
	base := make([]int64, len(plans))
	for i := range base {
		base[i] = -1 // until the statement says where the run begins
	}
	unread := make([]map[models.UserRef]int64, len(plans))
	for rows.Next() {
		var member bool
		var ord, value int64
		if err := rows.Scan(&member, &ord, &value); err != nil {
			return fmt.Errorf("append messages: %w", err)
		}
		if !member {
			base[ord-1] = value
			continue
		}
		run := c.memberRun[ord-1] - 1
		if unread[run] == nil {
			unread[run] = map[models.UserRef]int64{}
		}
		unread[run][models.UserRef{Type: models.UserType(c.memberType[ord-1]), ID: c.memberID[ord-1]}] = value
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("append messages: %w", err)
	}
	for i, p := range plans {
		if base[i] < 0 {
			p.gone()
			continue
		}
		p.place(base[i], unread[i])
	}
	return nil
}
