package security

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// What the person of T76 has: many chats, some of them long, and a queue to be given on connecting.
const (
	manyChats   = 5000 // of three messages each
	longChats   = 10   // of them, with this many more:
	moreOfALong = 300
	unreceived  = 1000 // chats of which nothing has been delivered
	mostBytes   = 256 << 10
)

var loadRows = []attack{
	{number: "T53", name: "listening to others from outside", settings: map[string]string{"LIMIT_PACKETS_PER_SECOND": "0"}, writes: true, run: func(s *site) string {
		outsiders := []*siotest.Client{s.join(jane), s.join(lights), s.join(models.UserRef{Type: models.TypeVendor, ID: "20"})}
		var before []int
		for _, o := range outsiders {
			before = append(before, len(o.Received()))
		}
		writer, reader := s.join(john), s.join(haven)
		const rounds = 200
		for i := range rounds {
			r := s.wantAck(201, writer, "sendMessage", fmt.Sprintf(`{"productId":"t53","recipientId":2,"text":"foreign-canary %d"}`, i))
			var m struct{ ID, ChatID string }
			_ = json.Unmarshal(r.Data, &m)
			s.wantAck(200, reader, "typing", fmt.Sprintf(`{"chatId":%q}`, m.ChatID))
			s.wantAck(200, reader, "markAsRead", fmt.Sprintf(`{"chatId":%q}`, m.ChatID))
			if i%10 == 0 {
				s.wantAck(200, writer, "deleteMessage", fmt.Sprintf(`{"chatId":%q,"messageId":%q}`, m.ChatID, m.ID))
			}
		}
		told := len(reader.Received())
		if told < rounds {
			s.Errorf("the reader heard of %d only", told)
		}
		for i, o := range outsiders {
			s.wantAck(200, o, "joinRooms", `{}`) // what would have been sent has arrived by now
			for _, r := range o.Received()[before[i]:] {
				if r.Event != "joinRooms" && r.Kind != siotest.KindAck || strings.Contains(string(r.Arg()), "foreign-canary") {
					s.Errorf("an outsider was sent %s %s", r.Event, r.Arg())
				}
			}
		}
		return fmt.Sprintf("%d messages, typing, receipts and deletions of two people: three outsiders who stay connected are sent nothing", rounds)
	}},
	{number: "T76", name: "connecting with 5,000 chats", settings: map[string]string{}, writes: true, run: func(s *site) string {
		waiting := s.seed()
		began := time.Now()
		c := s.dial()
		c.Connect("/presence", token(haven, time.Hour))
		c.Connect("/chat", token(haven, time.Hour))
		c.Expect("/chat", "userChats", 2*time.Minute)
		listed := time.Since(began)
		given := func(all []siotest.Received) (n int) {
			for _, r := range all {
				if r.Event == "offlineMessages" {
					n += len(list(r.Arg()))
				}
			}
			return n
		}
		if err := c.Wait(2*time.Minute, func(all []siotest.Received) bool { return given(all) >= waiting }); err != nil {
			s.Fatalf("of %d messages %d came: %v", waiting, given(c.Received()), err)
		}
		s.measured = fmt.Sprintf("userChats after %.0f ms, %d messages of the queue after %.1f s", ms(listed), waiting, time.Since(began).Seconds())
		chats, cursor, pages := map[string]bool{}, "", 0
		for first := true; first || cursor != ""; first = false {
			r := s.wantAck(200, c, "getUserChats", fmt.Sprintf(`{"limit":1000000,"cursor":%q}`, cursor))
			if pages++; len(list(r.whole)) > 100 || pages > manyChats {
				s.Fatalf("page %d has %d chats", pages, len(list(r.whole)))
			}
			for _, item := range list(r.whole) {
				chats[item.ID+item.ChatID] = true
			}
			cursor = r.NextCursor
		}
		if len(chats) != manyChats {
			s.Errorf("the pages list %d chats", len(chats))
		}
		messages := map[string]bool{}
		largest, total := 0, 0
		for _, r := range c.Received() {
			size := 0
			for _, a := range r.Args {
				size += len(a)
			}
			if largest = max(largest, size); size > mostBytes {
				s.Errorf("%s has %d bytes", r.Event, size)
			}
			if r.Event == "offlineMessages" {
				for _, m := range list(r.Arg()) {
					messages[m.ID], total = true, total+1
				}
			}
		}
		if len(messages) != waiting || total != waiting {
			s.Errorf("of %d waiting messages %d came, %d of them different", waiting, total, len(messages))
		}
		return fmt.Sprintf("every emit and answer at most 256 KB; pages of at most 100 list all %d chats; the %d waiting messages come once each", manyChats, waiting)
	}},
}

// item is a chat or a message of a list.
type item struct{ ID, ChatID string }

// list is the data of an envelope.
func list(b []byte) []item {
	var e struct{ Data []item }
	_ = json.Unmarshal(b, &e)
	return e.Data
}

// seed gives Haven their chats straight in the database, and returns how many messages wait.
func (s *site) seed() (waiting int) {
	s.Helper()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?), k(j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM k WHERE j < ?) `
	id := func(text string) string {
		if s.db.Dialect == db.Postgres {
			return "CAST(" + text + " AS uuid)"
		}
		return text
	}
	const number = `SUBSTR(CAST(1000000000000 + i AS text), 2)`
	chat := id(`'00000000-0000-7000-8000-' || ` + number)
	message := id(`'00000000-0000-7000-9' || SUBSTR(CAST(1000 + j AS text), 2) || '-' || ` + number)
	now, text := db.Now(), strings.Repeat("so many words, ", 20)
	length := fmt.Sprintf(`CASE WHEN i <= %d THEN %d ELSE 3 END`, longChats, 3+moreOfALong)
	run := func(sql string, args ...any) {
		if err := s.db.Exec(sql, args...).Error; err != nil {
			s.Fatal(err)
		}
	}
	run(numbers+`INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, product_name, last_seq, last_message_at, created_at, updated_at)
		SELECT `+chat+`, 'product', 'p', '2', CAST(1000 + i AS text), 'Lamp', `+length+`, ?, ?, ? FROM n, k`, manyChats, 1, now, now, now)
	run(numbers+`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, unread, last_message_at, joined_at)
		SELECT `+chat+`, 'vendor', '2', `+length+`, CASE WHEN i <= `+fmt.Sprint(unreceived)+` THEN 0 ELSE 3 END, `+length+`, ?, ? FROM n, k`, manyChats, 1, now, now)
	run(numbers+`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, read_seq, last_message_at, joined_at)
		SELECT `+chat+`, 'customer', CAST(1000 + i AS text), `+length+`, `+length+`, `+length+`, ?, ? FROM n, k`, manyChats, 1, now, now)
	run(numbers+`INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, recipient_online, created_at, updated_at)
		SELECT `+chat+`, j, `+message+`, 'customer', CAST(1000 + i AS text), ?, false, ?, ? FROM n, k WHERE j <= `+length, manyChats, 3+moreOfALong, text, now, now)
	return 3*unreceived + longChats*moreOfALong
}
