package security

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/server"
)

// operation is one route of the REST surface, read from its own description.
type operation struct{ method, path, tag, id string }

func operations(s *site) []operation {
	b, err := server.OpenAPIJSON()
	if err != nil {
		s.Fatal(err)
	}
	var spec struct {
		Paths map[string]map[string]struct {
			Tags []string `json:"tags"`
			ID   string   `json:"operationId"`
		} `json:"paths"`
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		s.Fatal(err)
	}
	var out []operation
	for path, methods := range spec.Paths {
		for method, op := range methods {
			if op.ID != "" {
				out = append(out, operation{strings.ToUpper(method), path, op.Tags[0], op.ID})
			}
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].id < out[j].id })
	return out
}

// clientEvents are the events a client may send to a namespace, read from the description of the events.
func clientEvents(s *site, channel string) []string {
	b, err := server.AsyncAPIJSON()
	if err != nil {
		s.Fatal(err)
	}
	var spec struct {
		Operations map[string]struct {
			Action  string `json:"action"`
			Channel struct {
				Ref string `json:"$ref"`
			} `json:"channel"`
			Messages []struct {
				Ref string `json:"$ref"`
			} `json:"messages"`
		} `json:"operations"`
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		s.Fatal(err)
	}
	var out []string
	for _, op := range spec.Operations {
		if op.Action != "receive" || op.Channel.Ref != "#/channels/"+channel || len(op.Messages) == 0 {
			continue
		}
		ref := op.Messages[0].Ref
		out = append(out, strings.TrimPrefix(ref[strings.LastIndexByte(ref, '/')+1:], "client_"))
	}
	slices.Sort(out)
	return out
}

var authorisationRows = []attack{
	{number: "T45", name: "every event by everybody", writes: true, run: func(s *site) string { return eventMatrix(s, s) }},
	{number: "T46", name: "every route by everybody", writes: true, run: func(s *site) string { return routeMatrix(s, s) }},
	{number: "T47", name: "fields that are not the client's to say", writes: true, run: func(s *site) string {
		c := s.join(john)
		r := s.wantAck(201, c, "sendMessage", `{"productId":"t47","recipientId":2,"text":"x","senderId":9,"senderType":"VENDOR","userType":"vendor","customerId":9,"vendorId":9,"id":"x","seq":99,"createdAt":"2001-01-01","read":true,"role":"admin"}`)
		var m struct {
			SenderID   int    `json:"senderId"`
			SenderType string `json:"senderType"`
			Seq        int    `json:"seq"`
			Read       bool   `json:"read"`
			CreatedAt  string `json:"createdAt"`
		}
		if json.Unmarshal(r.Data, &m); m.SenderID != 2 || m.SenderType != "CUSTOMER" || m.Seq != 1 || m.Read || strings.HasPrefix(m.CreatedAt, "2001") {
			s.Errorf("stored: %s", r.Data)
		}
		for _, field := range []string{`"senderId":9`, `"senderType":"VENDOR"`, `"userType":"vendor"`, `"customerId":9`, `"vendorId":9`, `"id":"x"`, `"seq":99`, `"createdAt":"2001-01-01"`, `"read":true`, `"role":"admin"`} {
			s.want(400, john, "POST", "/api/v1/chats/messages", `{"productId":"t47","recipientId":2,"text":"x",`+field+`}`)
		}
		return "ignored on the socket, 400 on REST; the stored values are the token's"
	}},
	{number: "T48", name: "a famous store's name", rest: true, writes: true, run: func(s *site) string {
		send := `{"productId":"t48","recipientId":2,"text":"x","storeName":%q}`
		s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(send, "First"))
		s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(send, "Famous Store"))
		a := s.want(200, haven, "GET", "/api/v1/chats/by-product/t48/2/2", "")
		if a.field("data.storeName") != "First" || a.field("data.productVerified") != false {
			s.Errorf("%s", a.body)
		}
		return "kept once, marked as not verified"
	}},
	{number: "T49", name: "a chat with oneself or nobody", run: func(s *site) string {
		c := s.join(john)
		for _, recipient := range []string{`""`, `"  "`, `null`, `-1`, `2.5`, `{}`, `[2]`, `true`} {
			s.wantAck(400, c, "sendMessage", `{"productId":"t49","recipientId":`+recipient+`,"text":"x"}`)
		}
		return "400; a customer's 2 is always vendor 2"
	}},
	{number: "T50", name: "deleting what somebody else wrote", writes: true, run: func(s *site) string {
		chatID, messageID := s.open("t50", "x")
		other, _ := s.open("t50b", "y")
		c := s.join(haven)
		s.wantAck(403, c, "deleteMessage", fmt.Sprintf(`{"chatId":%q,"messageId":%q}`, chatID, messageID))
		s.want(403, haven, "DELETE", "/api/v1/chats/"+chatID+"/messages/"+messageID, "")
		s.want(404, john, "DELETE", "/api/v1/chats/"+other+"/messages/"+messageID, "")
		s.want(200, john, "DELETE", "/api/v1/chats/"+chatID+"/messages/"+messageID, "")
		s.want(200, john, "DELETE", "/api/v1/chats/"+chatID+"/messages/"+messageID, "")
		return "403; a message of another chat 404; twice is once"
	}},
	{number: "T52", name: "joining rooms by name", writes: true, run: func(s *site) string {
		chatID, _ := s.open("t52", "canary-of-john")
		victim, c := s.join(haven), s.join(jane)
		for _, room := range []string{"user:vendor:2", "vendor:2", "*", chatID, "chat:" + chatID, "/chat#" + chatID} {
			r := s.wantAck(200, c, "joinRooms", fmt.Sprintf(`{"rooms":[%q],"room":%q,"chatId":%q,"chatIds":[%q]}`, room, room, chatID, chatID))
			if strings.Contains(string(r.whole), chatID) {
				s.Errorf("%s is joined: %s", room, r.whole)
			}
		}
		mark := len(c.Received())
		s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"chatId":%q,"text":"canary-of-john again"}`, chatID))
		victim.Expect("/chat", "receiveMessage", siotest.Timeout)
		s.wantAck(200, c, "getUserChats", `{}`) // what would have been sent has arrived by now
		for _, r := range c.Received()[mark:] {
			if strings.Contains(string(r.Arg()), chatID) {
				s.Errorf("who joined nothing was sent %s", r.Event)
			}
		}
		return "extra fields are ignored, there are no rooms to name; nothing of the chat arrives afterwards"
	}},
	{number: "T55", name: "verbs and inside pages", rest: true, run: func(s *site) string {
		s.want(405, root, "POST", "/api/v1/admin/stats", "")
		s.want(405, john, "PATCH", "/api/v1/chats", "")
		for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/vars"} {
			s.want(404, root, "GET", path, "")
		}
		return "405; /metrics and /debug are not on the public listener: 404"
	}},
	{number: "T56", name: "read positions that cannot be", writes: true, run: func(s *site) string {
		chatID, _ := s.open("t56", "x")
		c, other := s.join(haven), s.join(john)
		for _, seq := range []string{"-1", "1.5", `"1"`, "null x", "1e400", "true"} {
			if strings.Contains(seq, " ") {
				continue
			}
			s.wantAck(400, c, "markAsRead", fmt.Sprintf(`{"chatId":%q,"upToSeq":%s}`, chatID, seq))
		}
		for range 200 {
			s.wantAck(200, c, "markAsRead", fmt.Sprintf(`{"chatId":%q,"upToSeq":1000000000000000}`, chatID))
		}
		s.wantAck(200, c, "markAsRead", fmt.Sprintf(`{"chatId":%q,"upToSeq":0}`, chatID))
		s.wantAck(200, other, "getMessages", fmt.Sprintf(`{"chatId":%q}`, chatID))
		if n := count(other.Events("/chat"), "updateReadReceipts"); n != 1 {
			s.Errorf("%d receipts", n)
		}
		if a := s.want(200, haven, "GET", "/api/v1/chats/"+chatID, ""); a.field("data.unreadCount") != 0.0 {
			s.Errorf("went back: %s", a.body)
		}
		return "400, or clipped; 200 repeats are one receipt; never back"
	}},
	{number: "T57", name: "reading one's own messages", rest: true, writes: true, run: func(s *site) string {
		chatID, _ := s.open("t57", "x")
		s.want(200, john, "POST", "/api/v1/chats/"+chatID+"/read", "")
		a := s.want(200, haven, "GET", "/api/v1/chats/"+chatID, "")
		if a.field("data.unreadCount") != 1.0 {
			s.Errorf("%s", a.body)
		}
		for _, u := range []models.UserRef{john, haven} {
			if a := s.want(200, u, "GET", "/api/v1/chats/"+chatID+"/messages", ""); !strings.Contains(string(a.body), `"read":false`) {
				s.Errorf("%s sees it as read: %s", u, a.body)
			}
		}
		return "changes nothing for the other side"
	}},
	{number: "T51", name: "deleting a tombstone", writes: true, run: func(s *site) string {
		chatID, messageID := s.open("t51", "x")
		c := s.join(john)
		for range 2 {
			s.wantAck(200, c, "deleteMessage", fmt.Sprintf(`{"chatId":%q,"messageId":%q}`, chatID, messageID))
		}
		s.wantAck(200, c, "joinRooms", `{}`)
		if n := count(c.Events("/chat"), "messageDeleted"); n != 1 {
			s.Errorf("told %d times", n)
		}
		return "answered again, told once"
	}},
	{number: "T58", name: "receipts for what was never sent", writes: true, run: func(s *site) string {
		chatID, _ := s.open("t58", "x")
		c := s.join(haven)
		s.wantAck(200, c, "messagesDelivered", fmt.Sprintf(`{"chatId":%q,"upToSeq":1000000}`, chatID))
		s.wantAck(400, c, "messagesDelivered", fmt.Sprintf(`{"chatId":%q,"upToSeq":-1}`, chatID))
		s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"chatId":%q,"text":"later"}`, chatID))
		a := s.want(200, root, "GET", "/api/v1/admin/chats/"+chatID, "")
		if strings.Contains(string(a.body), `"deliveredSeq":1000000`) || a.field("data.lastSeq") != 2.0 {
			s.Errorf("%s", a.body)
		}
		return "clipped to what exists; 400 below zero"
	}},
	{number: "T59", name: "who is online, of strangers", run: func(s *site) string {
		s.join(lights)
		c := s.dial()
		c.Connect("/presence", token(jane, time.Hour))
		b := c.EmitAck("/presence", "getPresence", json.RawMessage(`{"users":[{"userId":3,"userType":"vendor"},{"userId":999,"userType":"vendor"}]}`), siotest.Timeout)
		if strings.Contains(string(b), `"online":true`) {
			s.Errorf("told: %s", b)
		}
		return "a stranger who is there and one who does not exist look the same"
	}},
	{number: "T60", name: "writing when blocked", writes: true, run: func(s *site) string {
		chatID, _ := s.open("t60", "x")
		vendor, c := s.join(haven), s.join(john)
		s.wantAck(200, vendor, "blockUser", `{"userId":2,"userType":"customer"}`)
		seen := len(vendor.Events("/chat"))
		r := s.wantAck(403, c, "sendMessage", fmt.Sprintf(`{"chatId":%q,"text":"let me in"}`, chatID))
		s.want(403, john, "POST", "/api/v1/chats/messages", `{"productId":"t60-other","recipientId":2,"text":"x"}`)
		s.wantAck(200, c, "typing", fmt.Sprintf(`{"chatId":%q}`, chatID))
		s.wantAck(200, vendor, "joinRooms", `{}`)
		for _, event := range vendor.Events("/chat")[seen:] {
			if event != "joinRooms" {
				s.Errorf("the vendor was sent %s", event)
			}
		}
		s.wantAck(200, vendor, "unblockUser", `{"userId":2,"userType":"customer"}`)
		return "403 \"" + r.Message + "\", the vendor hears nothing, typing neither"
	}},
}

func count(events []string, name string) (n int) {
	for _, e := range events {
		if e == name {
			n++
		}
	}
	return n
}
