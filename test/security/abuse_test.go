package security

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

var abuseRows = []attack{
	{number: "T86", name: "a flood of messages over several sockets", settings: map[string]string{"LIMIT_SENDS_PER_MINUTE": "120"}, writes: true, run: func(s *site) string {
		var people []*siotest.Client
		for range 5 {
			people = append(people, s.join(john))
		}
		stored, late, told, began := 0, 0, false, time.Now()
		for i := range 200 {
			r := s.ask(people[i%5], "sendMessage", `{"productId":"t86","recipientId":2,"text":"x"}`)
			switch r.StatusCode {
			case 201:
				stored++
			case 429:
				late++
				told = told || strings.Contains(string(r.whole), `"retryAfterMs":`) // left out when it is less than one
			default:
				s.Errorf("%d", r.StatusCode)
			}
		}
		// Two a second come back while it lasts.
		if most := 125 + int(2*time.Since(began).Seconds()); stored > most || stored+late != 200 || !told {
			s.Errorf("%d stored, %d refused", stored, late)
		}
		return "about 120 stored in all, then 429 with retryAfterMs"
	}},
	{number: "T87", name: "many new chats in an hour", rest: true, settings: map[string]string{"LIMIT_NEW_CHATS_PER_HOUR": "20"}, writes: true, run: func(s *site) string {
		for i := range 20 {
			s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"p","recipientId":%d,"text":"x"}`, i+10))
		}
		s.want(429, john, "POST", "/api/v1/chats/messages", `{"productId":"p","recipientId":99,"text":"x"}`)
		return "the 21st: 429"
	}},
	{number: "T87", name: "the same words to ten vendors", settings: map[string]string{}, writes: true, rest: true, run: func(s *site) string {
		write := func(who models.UserRef, first, vendors int, text string) {
			for i := range vendors {
				s.want(201, who, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"p","recipientId":%d,"text":%q}`, first+i, text))
			}
		}
		reports := func(with string) string {
			return s.until("report of "+with, func() string {
				a := s.want(200, root, "GET", "/api/v1/admin/reports", "")
				if strings.Contains(string(a.body), with) {
					return string(a.body)
				}
				return ""
			})
		}
		write(john, 10, 9, "nine-canary")
		write(john, 10, 9, "a second message to each")
		write(haven, 50, 10, "a vendor's own customers")
		write(jane, 10, 10, "ten-canary")
		// What was opened before has been looked at by the time a later report is there.
		if seen := reports("ten-canary"); strings.Count(seen, `"reason":"spam"`) != 1 {
			s.Errorf("nine vendors, second messages or a vendor are reported: %s", seen)
		}
		write(john, 20, 4, "nine-canary")
		write(jane, 40, 10, "last-canary")
		if seen := reports("last-canary"); strings.Count(seen, `"reason":"spam"`) != 3 || strings.Count(seen, `"reporterType":"system"`) != 3 || !strings.Contains(seen, "nine-canary") {
			s.Errorf("expected one report for each of three texts: %s", seen)
		}
		return "nothing is refused; one report by the system, reason `spam`, in the admins' queue; nine vendors, second messages and vendors are none"
	}},
	{number: "T88", name: "a flood of typing", writes: true, run: func(s *site) string {
		chatID, _ := s.open("t88", "x")
		vendor, c := s.join(haven), s.join(john)
		for range 40 {
			s.wantAck(200, c, "typing", fmt.Sprintf(`{"chatId":%q}`, chatID))
		}
		s.wantAck(200, vendor, "joinRooms", `{}`)
		if n := count(vendor.Events("/chat"), "typing"); n > 10 {
			s.Errorf("%d passed on", n)
		}
		return "at most two a second are passed on, the rest is dropped"
	}},
	{number: "T89", name: "chats that exist against chats that do not", writes: true, rest: true, run: func(s *site) string {
		chatID, _ := s.open("t89", "x")
		const unknown = "019540f0-7b6a-7000-8000-"
		var took [2][]time.Duration
		first := s.want(404, jane, "GET", "/api/v1/chats/"+chatID, "")
		for i := range 1000 { // in turns, so that what slows the machine slows both
			for kind, id := range []string{chatID, fmt.Sprintf("%s%012d", unknown, i)} {
				began := time.Now()
				a := s.rest(jane, "GET", "/api/v1/chats/"+id, "")
				took[kind] = append(took[kind], time.Since(began))
				if a.status != 404 || string(a.body) != string(first.body) {
					s.Fatalf("%s differs from %s", a.body, first.body)
				}
			}
		}
		for _, t := range took {
			slices.Sort(t)
		}
		s.measured = "medians of 1,000 each: " + s.alike("foreign", took[0][500], "unknown", took[1][500])
		foreign := s.want(404, jane, "POST", "/api/v1/blocks/vendor/2", "")
		if unknown := s.want(404, jane, "POST", "/api/v1/blocks/vendor/89000", ""); string(unknown.body) != string(foreign.body) {
			s.Errorf("a vendor who exists: %s, and one who does not: %s", foreign.body, unknown.body)
		}
		return "the same answer, byte for byte, for chats and for people"
	}},
	{number: "T90", name: "a key used again", writes: true, run: func(s *site) string {
		send := func(text string) string {
			return fmt.Sprintf(`{"productId":"t90","recipientId":2,"text":%q,"clientMessageId":"key-1"}`, text)
		}
		c := s.join(john)
		s.wantAck(201, c, "sendMessage", send("one"))
		if r := s.wantAck(201, c, "sendMessage", send("one")); !r.Duplicate {
			s.Error("the repeat is not marked")
		}
		s.wantAck(409, c, "sendMessage", send("two"))
		s.want(201, haven, "POST", "/api/v1/chats/messages", strings.Replace(send("mine"), `"recipientId":2`, `"recipientId":2`, 1))
		s.want(400, john, "POST", "/api/v1/chats/messages", strings.Replace(send("x"), "key-1", "a b", 1))
		return "409 for other content; another person's key is another key"
	}},
	{number: "T91", name: "secrets and texts in the log", writes: true, run: func(s *site) string {
		s.open("t91", "canary-text-of-a-message")
		c := s.join(haven)
		s.wantAck(400, c, "sendMessage", `{"text":"canary-text-of-a-message"}`)
		s.rest(nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer canary-token")
		for _, canary := range []string{"canary-text-of-a-message", "canary-token", "Name of customer"} {
			if strings.Contains(s.journal.String(), canary) {
				s.Errorf("the log has %s", canary)
			}
		}
		return "no token, secret or text at any level"
	}},
}

// alike says how far two medians are apart. The promise is 0.5 ms or a tenth; a machine that runs
// something else can break that by itself, so the row fails on a gross difference only.
func (s *site) alike(one string, a time.Duration, other string, b time.Duration) string {
	s.Helper()
	apart, less := (a - b).Abs(), min(a, b)
	verdict := "within 0.5 ms or a tenth"
	if apart >= 500*time.Microsecond && apart >= less/10 {
		verdict = "MORE than 0.5 ms and a tenth, in this run"
	}
	if apart > 10*time.Millisecond && apart > less { // a machine that is busy by itself says no more
		s.Errorf("%s takes %s, %s %s: the time tells one from the other", one, a, other, b)
	}
	return fmt.Sprintf("%s %.3f ms, %s %.3f ms, %s", one, ms(a), other, ms(b), verdict)
}

// ms is a time in milliseconds.
func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
