package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// The same tables as the Node peer's.
const schema = `
CREATE TABLE IF NOT EXISTS chats (
	id bigserial PRIMARY KEY, product_id text NOT NULL, vendor_id text NOT NULL, customer_id text NOT NULL,
	last_seq bigint NOT NULL DEFAULT 0, last_message_at timestamptz NOT NULL DEFAULT now(),
	UNIQUE (product_id, vendor_id, customer_id));
CREATE TABLE IF NOT EXISTS messages (
	chat_id bigint NOT NULL REFERENCES chats (id), seq bigint NOT NULL, id uuid NOT NULL UNIQUE,
	sender_type text NOT NULL, sender_id text NOT NULL, text text NOT NULL, created_at timestamptz NOT NULL,
	PRIMARY KEY (chat_id, seq));`

const appendStatement = `
WITH moved AS (
	UPDATE chats c SET last_seq = c.last_seq + r.n, last_message_at = $3
	FROM unnest($1::bigint[], $2::bigint[]) AS r(id, n) WHERE c.id = r.id
	RETURNING c.id, c.last_seq - r.n AS base
), stored AS (
	INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, created_at)
	SELECT m.chat_id, moved.base + m.place, m.id, m.type, m.sender, m.text, $3
	FROM unnest($4::bigint[], $5::bigint[], $6::uuid[], $7::text[], $8::text[], $9::text[]) AS m(chat_id, place, id, type, sender, text)
	JOIN moved ON moved.id = m.chat_id
)
SELECT id, base FROM moved`

type message struct {
	request
	from             *conn
	ack, to          string
	vendor, customer string
	at               time.Time
	chat, place      int64
	id               uuid.UUID
}

const maxBatch = 1000

// commit stores whatever waits, in groups, one after the other.
func (h *hub) commit(ctx context.Context) {
	for m := range h.queue {
		batch := []*message{m}
	more:
		for len(batch) < maxBatch {
			select {
			case m := <-h.queue:
				batch = append(batch, m)
			default:
				break more
			}
		}
		if err := h.store(ctx, batch); err != nil {
			fmt.Fprintln(os.Stderr, "bound: store:", err)
			os.Exit(1)
		}
	}
}

func (h *hub) store(ctx context.Context, batch []*message) error {
	runs := map[int64]int64{}
	at := time.Now()
	var chats, places []int64
	var ids []uuid.UUID
	var types, senders, texts []string
	for _, m := range batch {
		if err := h.open(ctx, m); err != nil {
			return err
		}
		runs[m.chat]++
		m.place, m.id = runs[m.chat], uuid.Must(uuid.NewV7())
		chats, places, ids = append(chats, m.chat), append(places, m.place), append(ids, m.id)
		types, senders, texts = append(types, m.from.kind), append(senders, m.from.id), append(texts, m.Text)
	}
	var runChats, runLens []int64
	for chat, n := range runs {
		runChats, runLens = append(runChats, chat), append(runLens, n)
	}
	rows, err := h.pool.Query(ctx, appendStatement, runChats, runLens, at, chats, places, ids, types, senders, texts)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var chat, base int64
		if err := rows.Scan(&chat, &base); err != nil {
			return err
		}
		runs[chat] = base
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, m := range batch {
		h.deliver(m, runs[m.chat]+m.place, at)
	}
	return nil
}

func (h *hub) deliver(m *message, seq int64, at time.Time) {
	text, err := json.Marshal(m.Text)
	if err != nil {
		return
	}
	body := make([]byte, 0, 256+len(text))
	body = append(body, `{"id":"`...)
	body = append(body, m.id.String()...)
	body = append(body, `","chatId":`...)
	body = strconv.AppendInt(body, m.chat, 10)
	body = append(body, `,"seq":`...)
	body = strconv.AppendInt(body, seq, 10)
	body = append(body, `,"senderType":"`+m.from.kind+`","senderId":"`+m.from.id+`","text":`...)
	body = append(body, text...)
	body = append(body, `,"createdAt":"`...)
	body = at.UTC().AppendFormat(body, "2006-01-02T15:04:05.000Z")
	body = append(body, `"}`...)
	m.from.send([]byte("43/chat,"+m.ack+`[{"error":false,"data":`), body, []byte("}]"))
	h.mu.RLock()
	to := h.users[m.to]
	h.mu.RUnlock()
	if to != nil {
		to.send([]byte(`42/chat,["receiveMessage",`), body, []byte("]"))
	}
}

// open finds the chat of a message, or makes it.
func (h *hub) open(ctx context.Context, m *message) error {
	key := m.ProductID + "\x00" + m.vendor + "\x00" + m.customer
	h.mu.RLock()
	id, ok := h.chats[key]
	h.mu.RUnlock()
	if !ok {
		err := h.pool.QueryRow(ctx, `INSERT INTO chats (product_id, vendor_id, customer_id) VALUES ($1, $2, $3)
			ON CONFLICT (product_id, vendor_id, customer_id) DO UPDATE SET product_id = EXCLUDED.product_id RETURNING id`, m.ProductID, m.vendor, m.customer).Scan(&id)
		if err != nil {
			return err
		}
		h.mu.Lock()
		h.chats[key] = id
		h.mu.Unlock()
	}
	m.chat = id
	return nil
}
