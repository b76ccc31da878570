package chat

import (
	"encoding/json"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

func TestBlocksHoldBothWays(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		customer, vendor := auth.Identity{User: john}, auth.Identity{User: haven}
		sent := must[Sent](t)(h.Send(t.Context(), customer, ask("p1", "hello")))
		if err := h.Block(t.Context(), haven, john); err != nil {
			t.Fatal(err)
		}
		for name, in := range map[string]SendInput{"the chat": {ChatID: sent.Chat.ID, Text: "x"}, "another product": ask("p2", "x")} {
			_, err := h.Send(t.Context(), customer, in)
			if p := apperr.Describe(err); p.Status != 403 || p.Message != "You cannot write to this person" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := h.Send(t.Context(), vendor, SendInput{ChatID: sent.Chat.ID, Text: "x"}); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("the one who blocks writes: %v", err)
		}
		if p := must[Page](t)(h.Open(t.Context(), haven, sent.Chat.ID, 10)); !toWholeChat(p, haven).BlockedByMe || p.Chat.LastSeq != 1 {
			t.Errorf("the blocker's side: %+v", p)
		}
		if p := must[Page](t)(h.Open(t.Context(), john, sent.Chat.ID, 10)); toWholeChat(p, john).BlockedByMe {
			t.Error("the blocked side says who blocks")
		}
		h.heard.take()
		if err := h.Typing(t.Context(), john, sent.Chat.ID); err != nil || len(of[TypingChanged](h.heard.take())) != 0 {
			t.Errorf("typing of the blocked: %v", err)
		}
		// Jane and vendor 3 are others, and so is vendor 2 to a customer 2 who blocks nobody.
		if _, err := h.Send(t.Context(), auth.Identity{User: jane}, ask("p1", "hello")); err != nil {
			t.Errorf("somebody else: %v", err)
		}
		if err := h.Block(t.Context(), haven, models.UserRef{Type: models.TypeCustomer, ID: "999"}); !apperr.Is(err, apperr.NotFound) {
			t.Errorf("a stranger: %v", err)
		}
		for range 2 {
			if err := h.Unblock(t.Context(), haven, john); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := h.Send(t.Context(), customer, SendInput{ChatID: sent.Chat.ID, Text: "again"}); err != nil {
			t.Errorf("after unblocking: %v", err)
		}
	})
}

func TestAFrozenChat(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		customer := auth.Identity{User: john}
		sent := must[Sent](t)(h.Send(t.Context(), customer, ask("p1", "hello")))
		for range 2 {
			must[models.Chat](t)(h.Freeze(t.Context(), sent.Chat.ID, true))
		}
		if events := of[FrozenChanged](h.heard.take()); len(events) != 1 {
			t.Errorf("heard %v", events)
		}
		if _, err := h.Send(t.Context(), customer, SendInput{ChatID: sent.Chat.ID, Text: "x"}); !apperr.Is(err, apperr.Forbidden) {
			t.Errorf("a send: %v", err)
		}
		if p := must[Page](t)(h.Open(t.Context(), john, sent.Chat.ID, 10)); !toWholeChat(p, john).Frozen {
			t.Error("the chat does not say so")
		}
		must[models.Chat](t)(h.Freeze(t.Context(), sent.Chat.ID, false))
		must[Sent](t)(h.Send(t.Context(), customer, SendInput{ChatID: sent.Chat.ID, Text: "again"}))
	})
}

// Another node learns of a block and a freeze from the database, and at once when it is announced.
func TestAnotherNodeHearsOfIt(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		here, there := newHouse(t, url), newHouse(t, url)
		sent := must[Sent](t)(here.Send(t.Context(), auth.Identity{User: john}, ask("p1", "hello")))
		if err := here.Block(t.Context(), haven, john); err != nil {
			t.Fatal(err)
		}
		must[models.Chat](t)(here.Freeze(t.Context(), sent.Chat.ID, true))
		if err := there.safety.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		refused := func() error { return there.safety.mayWrite(sent.Chat, john, []models.UserRef{haven}) }
		if !there.safety.blocked(haven, john) || refused() == nil {
			t.Error("the database was read, and it is not known")
		}
		for _, e := range []Event{BlockChanged{By: haven, Whom: john}, FrozenChanged{ChatID: sent.Chat.ID, Members: []models.UserRef{john, haven}}} {
			body, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if err := there.Arrived(kindOf(e), body); err != nil {
				t.Fatal(err)
			}
		}
		if err := refused(); err != nil {
			t.Errorf("lifted, and refused: %v", err)
		}
	})
}

// What is told late, because a node was stopped meanwhile or Redis was away, is left to the sweep, which
// reads it as it is now and comes soon.
func TestAMessageToldLateIsLeftToTheSweep(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		here, there := newHouse(t, url), newHouse(t, url)
		sent := must[Sent](t)(here.Send(t.Context(), auth.Identity{User: john}, ask("p1", "taken back")))
		var heard []MessageSent
		there.Subscribe(func(e Event) { heard = append(heard, e.(MessageSent)) })
		tell := func(age time.Duration) {
			e := MessageSent{Chat: sent.Chat, Members: []models.UserRef{john, haven}, Message: sent.Message}
			e.Message.CreatedAt = time.Now().Add(-age)
			body, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if err := there.Arrived(kindOf(e), body); err != nil {
				t.Fatal(err)
			}
		}
		tell(0)
		if len(heard) != 1 || there.behind() {
			t.Fatalf("in time: told %d times, left to the sweep: %t", len(heard), there.behind())
		}
		tell(staleThere)
		if len(heard) != 1 || !there.behind() {
			t.Errorf("late: told %d times, left to the sweep: %t", len(heard)-1, there.behind())
		}
		feed := &Feed{service: there.Service}
		if !feed.alert() {
			t.Error("the sweep is in no hurry")
		}
	})
}

func TestReportsReachTheQueue(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		sent := data(s.envelope(201, john, "POST", "/chats/messages", `{"productId":"p1","recipientId":2,"text":"pay outside the shop"}`))
		chatID, messageID := sent["chatId"].(string), sent["id"].(string)
		body := `{"chatId":"` + chatID + `","messageId":"` + messageID + `","reason":"fraud","note":"asks for gift cards"}`
		first := data(s.envelope(201, haven, "POST", "/reports", body))
		again := data(s.envelope(201, haven, "POST", "/reports", body))
		if first["id"] != again["id"] {
			t.Errorf("two reports: %v, %v", first, again)
		}
		s.envelope(404, jane, "POST", "/reports", body)
		s.envelope(400, john, "POST", "/reports", body)
		s.envelope(400, haven, "POST", "/reports", `{"chatId":"`+chatID+`","messageId":"`+messageID+`","reason":"boring"}`)
		s.envelope(403, john, "GET", "/admin/reports", "")
		open := s.envelope(200, root, "GET", "/admin/reports", "")["data"].([]any)
		if len(open) != 1 || open[0].(map[string]any)["message"].(map[string]any)["text"] != "pay outside the shop" {
			t.Fatalf("the queue: %v", open)
		}
		s.envelope(200, root, "POST", "/admin/reports/"+first["id"].(string)+"/resolve", `{"note":"warned"}`)
		s.envelope(404, root, "POST", "/admin/reports/"+messageID+"/resolve", `{}`)
		if left := s.envelope(200, root, "GET", "/admin/reports", "")["data"].([]any); len(left) != 0 {
			t.Errorf("still open: %v", left)
		}
		done := s.envelope(200, root, "GET", "/admin/reports?status=resolved", "")["data"].([]any)[0].(map[string]any)
		if done["resolution"] != "warned" || done["resolved"] != true || done["resolvedById"] != 1.0 {
			t.Errorf("resolved: %v", done)
		}
		s.envelope(200, root, "POST", "/admin/chats/"+chatID+"/freeze", "")
		if c := data(s.envelope(200, haven, "GET", "/chats/"+chatID, "")); c["frozen"] != true {
			t.Errorf("frozen: %v", c)
		}
		s.envelope(403, john, "POST", "/chats/messages", `{"chatId":"`+chatID+`","text":"x"}`)
		s.envelope(200, root, "POST", "/admin/chats/"+chatID+"/unfreeze", "")
		s.envelope(200, haven, "POST", "/blocks/customer/2", "")
		if list := s.envelope(200, haven, "GET", "/blocks", "")["data"].([]any); len(list) != 1 {
			t.Errorf("blocks: %v", list)
		}
		s.envelope(403, john, "POST", "/chats/messages", `{"chatId":"`+chatID+`","text":"x"}`)
		s.envelope(404, haven, "POST", "/blocks/customer/404", "")
		s.envelope(200, haven, "DELETE", "/blocks/customer/2", "")
		s.envelope(201, john, "POST", "/chats/messages", `{"chatId":"`+chatID+`","text":"x"}`)
		entries := s.envelope(200, root, "GET", "/admin/audit?limit=100", "")["data"].([]any)
		seen := map[string]bool{}
		for _, e := range entries {
			seen[e.(map[string]any)["action"].(string)] = true
		}
		for _, action := range []string{"message.report", "reports.list", "report.resolve", "chat.freeze", "chat.unfreeze", "user.block", "user.unblock"} {
			if !seen[action] {
				t.Errorf("%s is not in the audit log", action)
			}
		}
	})
}
