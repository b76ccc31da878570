package security

import (
	"fmt"
	"strings"
)

// erasureRows are about what is known of a person, and that it can be handed out and taken away.
var erasureRows = []attack{
	{number: "T93", name: "exported and erased", rest: true, writes: true, settings: map[string]string{}, run: func(s *site) string {
		const words = "of-john-t93"
		chatID, messageID := s.open("t93", "deleted "+words)
		chat := "/api/v1/chats/" + chatID
		s.want(200, john, "DELETE", chat+"/messages/"+messageID, "")
		s.want(201, haven, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"chatId":%q,"text":"the answer"}`, chatID))
		s.want(200, haven, "POST", chat+"/read", "")
		s.open("t93", "unread "+words)
		other := s.want(201, jane, "POST", "/api/v1/chats/messages", `{"productId":"t93","recipientId":2,"text":"words of Jane"}`)

		export := string(s.want(200, root, "GET", "/api/v1/admin/users/customer/2/export", "").body)
		for _, want := range []string{"deleted " + words, "unread " + words, "the answer", `"kind":"end","messages":3`} {
			if !strings.Contains(export, want) {
				s.Errorf("the export lacks %q", want)
			}
		}
		if strings.Contains(export, "words of Jane") {
			s.Error("the export has somebody else's chat")
		}

		const erase = "/api/v1/admin/users/customer/2/erase"
		s.want(403, john, "POST", erase, "")
		s.want(404, root, "POST", "/api/v1/admin/users/customer/999/erase", "")
		s.want(404, root, "GET", erase, "")
		s.want(202, root, "POST", erase, "")
		s.until("end of the erasure", func() string {
			if state, _ := s.want(200, root, "GET", erase, "").field("data.state").(string); state == "done" {
				return state
			}
			return ""
		})
		for path, who := range map[string]string{chat: "haven", chat + "/messages": "haven", "/api/v1/chats": "haven", "/api/v1/admin/chats/" + chatID: "", "/api/v1/admin/chats": "",
			"/api/v1/admin/chats?q=" + words: "", "/api/v1/admin/users/customer/2/export": ""} {
			reader := root
			if who != "" {
				reader = haven
			}
			if a := s.want(200, reader, "GET", path, ""); contains(string(a.body), words, "Name of "+john.String()) {
				s.Errorf("%s still shows it: %.500s", path, a.body)
			}
		}
		a := s.want(200, haven, "GET", chat, "")
		if a.field("data.unreadCount") != 0.0 || a.field("data.customerName") != "Deleted user" || !strings.Contains(string(a.body), "the answer") {
			s.Errorf("the other side: %s", a.body)
		}
		if a := s.want(200, jane, "GET", fmt.Sprint("/api/v1/chats/", other.field("data.chatId")), ""); !strings.Contains(string(a.body), "words of Jane") {
			s.Errorf("somebody else's chat: %s", a.body)
		}
		return "the export is complete, deleted texts included, and has nothing of others; erased: gone from lists, chats, search and a later export, nothing unread; the other side keeps its own words and sees \"Deleted user\""
	}},
}
