package security

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// catalogue is all that is said of a failure of ours.
const catalogue = "Something went wrong on our side"

var requestID = regexp.MustCompile(`^urn:request:(\S{1,100})$`)

// A foreign writer takes a table away while the node runs: what fails then is no fault of the request, and no
// branch of the service knows it.
var failureRows = []attack{
	{number: "T92", name: "a failure inside, really provoked", settings: map[string]string{}, writes: true, breaks: true, run: func(s *site) string {
		chatID, messageID := s.open("t92", "before")
		c, chat := s.join(john), fmt.Sprintf(`{"chatId":%q}`, chatID)
		s.alter("ALTER TABLE messages RENAME TO messages_gone")
		rest, events := 0, 0
		for _, r := range []struct {
			who                models.UserRef
			method, path, body string
		}{
			{john, "GET", "/chats", ""}, {john, "GET", "/chats/" + chatID, ""}, {john, "GET", "/chats/" + chatID + "/messages", ""}, {haven, "GET", "/chats/by-product/t92/2/2", ""},
			{john, "POST", "/chats/messages", `{"productId":"t92","recipientId":2,"text":"canary-of-92"}`}, {john, "POST", "/chats/messages", `{"productId":"t92-new","recipientId":2,"text":"canary-of-92"}`},
			{john, "DELETE", "/chats/" + chatID + "/messages/" + messageID, ""}, {haven, "POST", "/reports", fmt.Sprintf(`{"chatId":%q,"messageId":%q,"reason":"spam"}`, chatID, messageID)},
			{root, "GET", "/admin/chats", ""}, {root, "GET", "/admin/chats?q=canary-of-92", ""}, {root, "GET", "/admin/chats/" + chatID, ""}, {root, "GET", "/admin/chats/" + chatID + "/transcript", ""}, {root, "GET", "/admin/stats", ""},
		} {
			if a := s.rest(r.who, r.method, "/api/v1"+r.path, r.body); a.status == 500 {
				rest++
				s.saysNothing(r.method+" "+r.path, a.body)
			} else if a.status >= 300 {
				s.Errorf("%s %s: expected a success or 500, got %d %s", r.method, r.path, a.status, a.body)
			}
		}
		for event, payload := range map[string]string{
			"sendMessage": fmt.Sprintf(`{"chatId":%q,"text":"canary-of-92"}`, chatID), "getMessages": chat, "joinChat": chat, "getUserChats": `{}`,
			"resume": fmt.Sprintf(`{"positions":{%q:{"seq":0}}}`, chatID), "deleteMessage": fmt.Sprintf(`{"chatId":%q,"messageId":%q}`, chatID, messageID),
		} {
			if r := s.ask(c, event, payload); r.StatusCode == 500 {
				events++
				s.saysNothing(event, r.whole)
				s.saysNothing("appError of "+event, c.Expect("/chat", "appError", siotest.Timeout))
			} else if r.StatusCode >= 300 {
				s.Errorf("%s: expected a success or 500, got %d %s", event, r.StatusCode, r.Message)
			}
		}
		if rest < 8 || events < 5 {
			s.Errorf("only %d routes and %d events failed: nothing was provoked", rest, events)
		}
		s.alter("ALTER TABLE messages_gone RENAME TO messages")
		s.until("message that is stored again", func() string {
			if a := s.rest(john, "POST", "/api/v1/chats/messages", `{"productId":"t92","recipientId":2,"text":"after"}`); a.status == 201 {
				return "stored"
			}
			return ""
		})
		return fmt.Sprintf("the table of messages taken away: %d routes and %d events (acknowledgement and `appError`) answer 500 with one fixed sentence and, on REST, the request's id, which the log has beside the cause; when it is back, they work again", rest, events)
	}},
}

// alter changes the tables under the node's feet.
func (s *site) alter(sql string) {
	s.Helper()
	if _, err := s.db.SQL().Exec(sql); err != nil {
		s.Fatal(err)
	}
}

// saysNothing fails unless the answer to a failure of ours is the catalogue's sentence, and at most a
// request's id that the log knows.
func (s *site) saysNothing(what string, body []byte) {
	s.Helper()
	var told map[string]any
	if err := json.Unmarshal(body, &told); err != nil || told["message"] != catalogue || told["statusCode"] != 500.0 || told["error"] != true {
		s.Errorf("%s: %s", what, body)
	}
	for key, value := range told {
		if !slices.Contains([]string{"error", "message", "statusCode", "event", "type", "title", "status", "detail", "instance"}, key) {
			s.Errorf("%s: a failure says %q: %v", what, key, value)
		}
	}
	s.clean(body)
	for _, inside := range []string{"messages", "relation", "table", "SELECT", "INSERT", "canary-of-92", "/home", "/tmp"} {
		if text := fmt.Sprint(told["message"], told["detail"], told["title"], told["instance"]); strings.Contains(text, inside) {
			s.Errorf("%s: the answer shows %q: %s", what, inside, body)
		}
	}
	if told["status"] == nil {
		return // an event: its name and its socket are in the log
	}
	id := requestID.FindStringSubmatch(fmt.Sprint(told["instance"]))
	if id == nil || !strings.Contains(s.journal.String(), "req="+id[1]) {
		s.Errorf("%s: the log does not know the request %v", what, told["instance"])
	}
}
