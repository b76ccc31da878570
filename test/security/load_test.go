package security

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"time"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// load is what the person of T76 has: many chats of three messages each, some of them long, and a
// queue to be given on connecting.
type load struct {
	chats      int
	long       int // of them, with 300 more
	unreceived int // chats of which nothing has been delivered
}

// idle is how long the outsiders of T53 listen: long enough to see it in every run, and as long as one asks for.
var idle = flag.Duration("idle", 2*time.Second, "how long the outsiders of T53 listen")

const (
	moreOfALong = 300
	mostBytes   = 256 << 10
)

func (l load) waiting() int { return 3*l.unreceived + moreOfALong*l.long }

// loadOf is smaller for SQLite: the race detector makes every row of it, which is Go, cost twenty times as much.
func (s *site) loadOf() load {
	if s.db.Dialect == db.Postgres {
		return load{5000, 10, 1000}
	}
	return load{500, 2, 200}
}

var loadRows = []attack{
	{number: "T53", name: "listening to others from outside", settings: map[string]string{"LIMIT_PACKETS_PER_SECOND": "0"}, writes: true, run: func(s *site) string {
		outsiders := []*siotest.Client{s.join(jane), s.join(lights), s.join(models.UserRef{Type: models.TypeVendor, ID: "20"})}
		var before []int
		for _, o := range outsiders {
			before = append(before, len(o.Received()))
		}
		writer, reader := s.join(john), s.join(haven)
		pace := time.NewTicker(20 * time.Millisecond)
		defer pace.Stop()
		began, rounds := time.Now(), 0
		for ; rounds < 100 || time.Since(began) < *idle; <-pace.C {
			i := rounds
			rounds++
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
		s.measured = fmt.Sprintf("%d messages in %s", rounds, time.Since(began).Round(time.Second))
		return "messages, typing, receipts and deletions of two people, fifty a second: three outsiders who stay connected and say nothing are sent nothing"
	}},
	{number: "T76", name: "connecting with 5,000 chats", settings: map[string]string{}, writes: true, run: func(s *site) string {
		size := s.loadOf()
		waiting := size.waiting()
		s.seed(size)
		began := time.Now()
		c := s.dial()
		c.Connect("/presence", token(haven, time.Hour))
		c.Connect("/chat", token(haven, time.Hour))
		c.Expect("/chat", "userChats", 2*time.Minute)
		listed := time.Since(began)
		looked, total, different := 0, 0, map[string]bool{}
		if err := c.Wait(2*time.Minute, func(all []siotest.Received) bool {
			for ; looked < len(all); looked++ {
				if all[looked].Event != "offlineMessages" {
					continue
				}
				for _, m := range list(all[looked].Arg()) {
					different[m.ID] = true
					total++
				}
			}
			return total >= waiting
		}); err != nil {
			s.Fatalf("of %d messages %d came: %v", waiting, total, err)
		}
		s.measured = fmt.Sprintf("%d chats: userChats after %.0f ms, %d messages of the queue after %.1f s", size.chats, ms(listed), waiting, time.Since(began).Seconds())
		chats, cursor, pages := map[string]bool{}, "", 0
		for first := true; first || cursor != ""; first = false {
			r := s.wantAck(200, c, "getUserChats", fmt.Sprintf(`{"limit":1000000,"cursor":%q}`, cursor))
			if pages++; len(list(r.whole)) > 100 || pages > size.chats {
				s.Fatalf("page %d has %d chats", pages, len(list(r.whole)))
			}
			for _, item := range list(r.whole) {
				chats[item.ID+item.ChatID] = true
			}
			cursor = r.NextCursor
		}
		if len(chats) != size.chats {
			s.Errorf("the pages list %d chats", len(chats))
		}
		for _, r := range c.Received() {
			bytes := 0
			for _, a := range r.Args {
				bytes += len(a)
			}
			if bytes > mostBytes {
				s.Errorf("%s has %d bytes", r.Event, bytes)
			}
		}
		if len(different) != waiting || total != waiting {
			s.Errorf("of %d waiting messages %d came, %d of them different", waiting, total, len(different))
		}
		return "every emit and answer at most 256 KB; pages of at most 100 list each chat once; what waits comes once each"
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

// seed gives Haven their chats straight in the database.
func (s *site) seed(size load) {
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
	now, text, after := db.Now(), strings.Repeat("so many words, ", 20), 0
	length := fmt.Sprintf(`CASE WHEN i <= %d THEN %d ELSE 3 END`, size.long, 3+moreOfALong)
	run := func(sql string, args ...any) {
		if err := s.db.Exec(sql, args...).Error; err != nil {
			s.Fatal(err)
		}
	}
	run(numbers+`INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, product_name, last_seq, last_message_at, created_at, updated_at)
		SELECT `+chat+`, 'product', 'p', '2', CAST(1000 + i AS text), 'Lamp', `+length+`, ?, ?, ? FROM n, k`, size.chats, 1, now, now, now)
	run(numbers+`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, unread, last_message_at, joined_at)
		SELECT `+chat+`, 'vendor', '2', `+length+`, CASE WHEN i <= `+fmt.Sprint(size.unreceived)+` THEN 0 ELSE 3 END, `+length+`, ?, ? FROM n, k`, size.chats, 1, now, now)
	run(numbers+`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, read_seq, last_message_at, joined_at)
		SELECT `+chat+`, 'customer', CAST(1000 + i AS text), `+length+`, `+length+`, `+length+`, ?, ? FROM n, k`, size.chats, 1, now, now)
	for _, part := range [][2]int{{size.chats, 3}, {size.long, 3 + moreOfALong}} { // the second adds to the first
		run(numbers+`INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, recipient_online, created_at, updated_at)
			SELECT `+chat+`, j, `+message+`, 'customer', CAST(1000 + i AS text), ?, false, ?, ? FROM n, k WHERE j > ?`, part[0], part[1], text, now, now, after)
		after = part[1]
	}
}
