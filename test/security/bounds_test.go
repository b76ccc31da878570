package security

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/db"
	"chaffer/internal/realtime/siotest"
)

// boundRows are about what one client may cost.
var boundRows = []attack{
	{number: "T25", name: "10,000 names that do not exist", run: func(s *site) string {
		answers := 0
		for i := range 100 {
			c := s.dial()
			var packets []string
			for j := range 100 {
				packets = append(packets, fmt.Sprintf("40/n%d-%d,", i, j))
			}
			s.burst(c, packets...)
			c.ExpectClosed(siotest.Timeout)
			n := 0
			for _, r := range c.Received() {
				if r.Kind != siotest.KindConnectError || !strings.Contains(string(r.Arg()), "Invalid namespace") {
					s.Errorf("answered %c %s", r.Kind, r.Arg())
				}
				n++
			}
			if n > 10 {
				s.Errorf("%d answers on one connection", n)
			}
			answers += n
		}
		if answers == 0 {
			s.Error("none was answered")
		}
		return "100 connections that ask for 100 each: at most ten answers, each \"Invalid namespace\", then closed"
	}},
	{number: "T41", name: "a flood of packets", slow: true, settings: map[string]string{}, writes: true, run: func(s *site) string {
		chatID, _ := s.open("t41", "x")
		flood, calm := s.join(john), s.join(haven)
		before, began := len(flood.Received()), time.Now()
		var flooding sync.WaitGroup
		defer flooding.Wait()
		flooding.Go(func() {
			if s.socket != nil { // one payload, of what is not answered, so that a poll waits for the end
				packet := fmt.Sprintf(`42/chat,["stoppedTyping",{"chatId":%q}]`, chatID)
				flood.Raw(strings.TrimSuffix(strings.Repeat(packet+"\x1e", 700), "\x1e"))
				return
			}
			for flood.Err() == nil && flood.Message(websocket.TextMessage, []byte(`42/chat,1["joinRooms",{}]`)) == nil { // as fast as the node takes them
			}
		})
		for range 20 {
			s.wantAck(200, calm, "joinRooms", `{}`)
		}
		if err := flood.Wait(3*siotest.Timeout, func(all []siotest.Received) bool {
			last := all[len(all)-1]
			return last.Kind == siotest.KindDisconnect || last.Event == "appError"
		}); err != nil {
			s.Errorf("the flood is not ended: %v", err)
		}
		flood.ExpectClosed(siotest.Timeout)
		took, told, answers := time.Since(began), false, 0
		for _, r := range flood.Received()[before:] {
			switch {
			case r.Event == "appError":
				told = strings.Contains(string(r.Arg()), `"statusCode":429`)
			case r.Kind == siotest.KindAck:
				answers++
			}
		}
		if most := 100 + 50*(int(took.Seconds())+2); !told || s.socket == nil && (answers < 100 || answers > most) {
			s.Errorf("told 429: %v; %d answered in %s, expected 100 to %d", told, answers, took, most)
		}
		s.wantAck(200, calm, "joinRooms", `{}`)
		return "100 are answered at once, then 50 a second; after 5 s 429 and closed; another user's events are acknowledged meanwhile"
	}},
	{number: "T42", name: "a client that stops reading", settings: map[string]string{"LIMIT_PACKETS_PER_SECOND": "0"}, writes: true, run: func(s *site) string {
		chatID, _ := s.open("t42", "x")
		lazy, writer := s.join(john), s.join(haven)
		lazy.StopReading()
		text := strings.Repeat("😀", 3990) // 16 KB
		sent := 0
		for ; sent%10 > 0 || s.sessions("/chat") > 1; sent++ {
			if sent >= 1500 {
				s.Fatalf("not cut after %d messages", sent)
			}
			s.write(writer, chatID, fmt.Sprint(text, sent))
		}
		got := map[string]bool{}
		for _, r := range lazy.Received() {
			if r.Event == "receiveMessage" {
				got[received(fmt.Sprintf(`2/chat,["receiveMessage",%s]`, r.Arg()))[0]] = true
			}
		}
		lazy.Close()
		back := s.dial()
		back.Connect("/presence", token(john, time.Hour))
		back.Connect("/chat", token(john, time.Hour))
		looked := 0
		if err := back.Wait(3*siotest.Timeout, func(all []siotest.Received) bool {
			for ; looked < len(all); looked++ {
				if all[looked].Event == "offlineMessages" {
					for _, m := range list(all[looked].Arg()) {
						got[m.ID] = true
					}
				}
			}
			return len(got) >= sent
		}); err != nil {
			s.Errorf("of %d messages %d came: %v", sent, len(got), err)
		}
		return "cut while messages of 16 KB come, and the writer goes on; when it connects again it is given every one of them"
	}},
	{number: "T74", name: "a search that hits everything", settings: map[string]string{}, rest: true, writes: true, breaks: true, run: func(s *site) string {
		for i := range 120 {
			s.open(fmt.Sprint("t74-", i), "the same words")
		}
		a := s.rest(root, "GET", "/api/v1/admin/chats?q=same%20words&limit=100000", "")
		late := a.status == 503 && strings.Contains(string(a.body), "narrow it") // on a slow machine
		if n := len(list(a.body)); !late && (a.status != 200 || n != 100) {
			s.Errorf("%d: %d of 120 are listed", a.status, n)
		}
		if s.db.Dialect != db.Postgres {
			return "at most 100 on a page, or 503 when it takes too long"
		}
		blocker := s.db.Begin()
		defer blocker.Rollback()
		if err := blocker.Exec("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").Error; err != nil {
			s.Fatal(err)
		}
		began := time.Now()
		a = s.want(503, root, "GET", "/api/v1/admin/chats?q=same%20words", "")
		if took := time.Since(began); took > siotest.Timeout || !strings.Contains(string(a.body), "narrow it") {
			s.Errorf("after %s: %s", took, a.body)
		}
		return "with Postgres, one that does not end: 503 after a second"
	}},
}
