package security

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// polled is somebody in both namespaces over long-polling, with all that connecting brings taken.
func (s *site) polled(u models.UserRef, opts ...siotest.Option) *siotest.Polling {
	s.Helper()
	p := siotest.OpenPolling(s.T, s.url, opts...)
	p.Connect("/presence", token(u, time.Hour))
	p.PollUntil(`42/presence,["connection"`)
	p.Connect("/chat", token(u, time.Hour))
	p.PollUntil(`42/chat,["offlineMessages"`)
	return p
}

// write lets Haven write to John's chat and returns the message's id.
func (s *site) write(c *siotest.Client, chatID, text string) string {
	s.Helper()
	r := s.wantAck(201, c, "sendMessage", fmt.Sprintf(`{"chatId":%q,"text":%q}`, chatID, text))
	var m struct{ ID string }
	_ = json.Unmarshal(r.Data, &m)
	return m.ID
}

// pollingRows attack sessions of long-polling; who writes to the victim is on the transport of the pass.
var pollingRows = []attack{
	{number: "T34", name: "somebody else's long-polling session", settings: map[string]string{"TRUSTED_PROXIES": "127.0.0.1"}, writes: true, run: func(s *site) string {
		agent := func(name string) siotest.Option { return siotest.WithHeader("User-Agent", name) }
		chatID, _ := s.open("t34", "x")
		victim := s.polled(john, from("203.0.113.1"), agent("victim"))
		writer := s.join(haven)
		s.write(writer, chatID, "for the victim")
		for name, opts := range map[string][]siotest.Option{
			"another address":                {from("203.0.113.2"), agent("victim")},
			"another address, no user agent": {from("203.0.113.2"), agent("")},
			"another user agent":             {from("203.0.113.1"), agent("thief")},
		} {
			thief := siotest.NewPolling(s.T, s.url, opts...)
			thief.SID = victim.SID
			if a := thief.Get(); a.Status != 403 || strings.Contains(a.Body, "for the victim") {
				s.Errorf("%s reads: %d %s", name, a.Status, a.Body)
			}
			if a := thief.Post(`42/chat,1["sendMessage",{"productId":"t34","recipientId":2,"text":"forged"}]`); a.Status != 403 {
				s.Errorf("%s writes: %d %s", name, a.Status, a.Body)
			}
			if _, res, err := siotest.TryDial(s.T, s.url, append(opts, siotest.Upgrading(victim.SID))...); err == nil || res == nil || res.StatusCode != 403 {
				s.Errorf("%s upgrades: %v", name, err)
			}
		}
		got := victim.PollUntil(`42/chat,["receiveMessage"`)
		if last := got[len(got)-1]; !strings.Contains(last, "for the victim") {
			s.Errorf("the victim is sent %s", last)
		}
		if a := s.want(200, haven, "GET", "/api/v1/chats/"+chatID, ""); strings.Contains(string(a.body), "forged") {
			s.Error("the forged message is stored")
		}
		if strings.Contains(s.journal.String(), victim.SID) {
			s.Error("the session's id is in the log")
		}
		return "another address or user agent: 403 on reading, writing and upgrading, no data; the victim goes on; the id is not in the log"
	}},
	{number: "T35", name: "upgrading a session twice, or somebody else's", writes: true, run: func(s *site) string {
		chatID, _ := s.open("t35", "x")
		p := s.polled(john)
		writer := s.join(haven)
		var sent, got []string
		some := func() {
			for range 10 {
				sent = append(sent, s.write(writer, chatID, "in order"))
			}
		}
		upgrade := func(sid string, opts ...siotest.Option) (c *siotest.Client, status int) {
			c, res, err := siotest.TryDial(s.T, s.url, append(opts, siotest.Upgrading(sid))...)
			if res != nil {
				status = res.StatusCode
			}
			if err != nil {
				return nil, status
			}
			return c, status
		}
		if _, status := upgrade(p.SID, siotest.WithHeader("User-Agent", "thief")); status != 403 {
			s.Errorf("somebody else upgrades: %d", status)
		}
		if _, status := upgrade("AAAAAAAAAAAAAAAAAAAAAA"); status != 400 {
			s.Errorf("a session that does not exist is upgraded: %d", status)
		}
		some()
		c, status := upgrade(p.SID)
		if c == nil {
			s.Fatalf("the owner's upgrade: %d", status)
		}
		c.Raw("2probe")
		c.ExpectProbe(siotest.Timeout)
		for _, packet := range p.Get().Packets() {
			got = append(got, received(strings.TrimPrefix(packet, "4"))...)
		}
		some() // for a poll that never comes
		c.Raw("5")
		some()
		before := len(got)
		if err := c.Wait(siotest.Timeout, func(all []siotest.Received) bool {
			n := before
			for _, r := range all {
				if r.Event == "receiveMessage" {
					n++
				}
			}
			return n >= len(sent)
		}); err != nil {
			s.Errorf("of %d messages %d came before the upgrade: %v", len(sent), len(got), err)
		}
		for _, r := range c.Received() {
			if r.Event == "receiveMessage" {
				got = append(got, received(fmt.Sprintf(`2/chat,["receiveMessage",%s]`, r.Arg()))...)
			}
		}
		if !slices.Equal(got, sent) {
			s.Errorf("sent %v, received %v", sent, got)
		}
		if a := p.Get(); a.Status != 400 {
			s.Errorf("the old transport answers %d", a.Status)
		}
		if _, status := upgrade(p.SID); status != 400 {
			s.Errorf("a second upgrade: %d", status)
		}
		s.write(writer, chatID, "after the second")
		if err := c.Wait(siotest.Timeout, func(all []siotest.Received) bool {
			return slices.ContainsFunc(all, func(r siotest.Received) bool { return strings.Contains(string(r.Arg()), "after the second") })
		}); err != nil {
			s.Errorf("the session after a second upgrade: %v", err)
		}
		c.Close()
		s.until("end of the session", func() string {
			if _, status := upgrade(p.SID); status == 400 {
				return "gone"
			}
			return ""
		})
		return "400, somebody else's 403, of a closed session 400; the owner's stays, and gets each of 30 messages sent around it once and in order"
	}},
	{number: "T36", name: "overlapping polls and posts", settings: map[string]string{}, run: func(s *site) string {
		john := s.polled(john)
		// One of them may take a heartbeat that was waiting; the others overlap.
		const polls = 3
		answers, refused := make(chan siotest.Answer, polls), 0
		for range polls {
			go func() { answers <- john.Get() }()
		}
		for range polls {
			switch a := <-answers; {
			case a.Status == 400:
				refused++
			case a.Status != 200 || a.Body != "1" && a.Body != "2":
				s.Errorf("one of %d polls: %d %q", polls, a.Status, a.Body)
			}
		}
		if refused == 0 {
			s.Errorf("%d polls at once, and none is refused", polls)
		}
		if a := john.Get(); a.Status != 400 {
			s.Errorf("the session is still there: %d %s", a.Status, a.Body)
		}
		haven := s.polled(haven)
		body, drip := io.Pipe()
		posted := make(chan siotest.Answer, 1)
		go func() { posted <- haven.Do(http.MethodPost, body) }()
		_, _ = io.WriteString(drip, "4") // the rest waits
		s.until("a refused post", func() string {
			if a := haven.Post("3"); a.Status == 400 {
				return a.Body
			}
			return ""
		})
		_, _ = io.WriteString(drip, "2")
		_ = drip.Close()
		<-posted
		if a := haven.Get(); a.Status != 400 {
			s.until("end of the session", func() string {
				if haven.Get().Status == 400 {
					return "gone"
				}
				return ""
			})
		}
		s.emptied()
		s.join(jane)
		return "400 and the session ends, the poll that waits is told; afterwards the node counts no session"
	}},
	{number: "T38", name: "bodies and frames over 64 KB, in every way", run: func(s *site) string {
		text := func(bytes int) string { // a whole packet of so many bytes
			const head, tail = `42/chat,1["sendMessage",{"productId":"t38","recipientId":2,"text":"`, `"}]`
			return head + strings.Repeat("a", bytes-len(head)-len(tail)) + tail
		}
		c := s.join(john)
		c.Raw(text(64 << 10))
		if b, err := c.TryAck("/chat", 1, siotest.Timeout); err != nil || !strings.Contains(string(b), `"statusCode":400`) {
			s.Errorf("64 KB: %s, %v", b, err)
		}
		c.Raw(text(64<<10 + 1))
		c.ExpectClosed(siotest.Timeout)
		fragment := func(first byte) string { // of 16 KB, masked with zeros
			return string([]byte{first, 0x80 | 126, 0x40, 0x00, 0, 0, 0, 0}) + strings.Repeat("4", 16<<10)
		}
		if !s.closes(fragment(0x01) + strings.Repeat(fragment(0x00), 64)) {
			s.Error("a message of 1 MB in fragments is taken")
		}
		for _, bytes := range []int{64<<10 + 1, 1 << 20} {
			for name, body := range map[string]io.Reader{"with a length": strings.NewReader(text(bytes)), "without": struct{ io.Reader }{strings.NewReader(text(bytes))}} {
				p := siotest.OpenPolling(s.T, s.url)
				if a := p.Do(http.MethodPost, body); a.Status != 413 && !(a.Status == 0 && bytes == 1<<20) { // cut while it still sends
					s.Errorf("a body of %d bytes %s: %d %s", bytes, name, a.Status, a.Body)
				}
				s.until("end of the session", func() string {
					if p.Get().Status == 400 {
						return "gone"
					}
					return ""
				})
			}
		}
		return "64 KB are answered, a byte more ends the connection, as do fragments of a message of 1 MB; long-polling 413, with a length and without, and the session ends"
	}},
}

// received are the ids of the message that a packet brings.
func received(packet string) []string {
	body, ok := strings.CutPrefix(packet, `2/chat,["receiveMessage",`)
	if !ok {
		return nil
	}
	var e struct{ Data struct{ ID string } }
	_ = json.Unmarshal([]byte(strings.TrimSuffix(body, "]")), &e)
	return []string{e.Data.ID}
}
