package security

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/redis/redistest"
	"chaffer/test/dialects"
)

// TestDialectsOnTwoNodes has two people on two nodes, in every contract: what one does the other hears
// at once, and not when something next looks into the database.
func TestDialectsOnTwoNodes(t *testing.T) {
	mail := dialects.NewMailbox(t)
	settings := mail.Settings()
	settings["DIALECTS"] = "oneonone,expresschat,nestchat,messaging"
	n := &nodes{T: t, redis: redistest.Start(t)}
	settings["REDIS_URL"], settings["UPLOAD_DIR"] = n.redis.URL, t.TempDir()
	database := dbtest.Postgres(t)
	n.a, n.b = start(t, database, settings), start(t, database, settings)
	n.together()
	ann, bob := models.UserRef{Type: models.TypeMember, ID: "71"}, models.UserRef{Type: models.TypeMember, ID: "72"}
	plain := func(s *site, u models.UserRef) *siotest.Client {
		c := siotest.Dial(t, s.url)
		c.Connect("/", token(u, time.Hour))
		c.EmitAck("/", "join", json.RawMessage(`"sentinel"`), siotest.Timeout) // answered once the socket is let in
		return c
	}
	hears := func(c *siotest.Client, nsp, event string, words ...string) {
		t.Helper()
		body := string(c.Expect(nsp, event, siotest.Timeout))
		for _, w := range words {
			if !strings.Contains(body, w) {
				t.Errorf("%s without %s: %s", event, w, body)
			}
		}
	}

	t.Run("nestchat", func(t *testing.T) {
		rooms := func(s *site, u models.UserRef) *siotest.Client {
			c := siotest.Dial(t, s.url, siotest.WithQuery("dialect", "nestchat"))
			c.Connect("/chat", token(u, time.Hour))
			c.EmitAck("/chat", "leaveConversation", json.RawMessage(`{"convId":1}`), siotest.Timeout)
			return c
		}
		a, b := rooms(n.a, ann), rooms(n.b, bob)
		made := n.a.want(201, ann, "POST", "/chats", `{"user2_id":72}`)
		hears(a, "/chat", "conversationCreated", `"user2_id":72`)
		hears(b, "/chat", "conversationCreated", `"user2_id":72`)
		a.Emit("/chat", "sendMessage", json.RawMessage(fmt.Sprintf(`{"convId":%v,"message":{"message":"over there"}}`, made.field("id"))))
		hears(b, "/chat", "newMessage", "over there")
	})
	t.Run("oneonone and messaging", func(t *testing.T) {
		chat, _ := n.a.want(200, ann, "POST", "/api/conversation", `{"participants":["72"]}`).field("_id").(string)
		a, b := plain(n.a, ann), plain(n.b, bob)
		b.EmitAck("/", "join", json.RawMessage(fmt.Sprintf("%q", chat)), siotest.Timeout)
		n.a.want(201, ann, "POST", "/api/v1/conversations/messages", fmt.Sprintf(`{"conversationId":%q,"message":"by a request"}`, chat))
		hears(b, "/", "chat-message", "by a request", chat)
		sent := n.a.want(201, ann, "POST", "/api/message", fmt.Sprintf(`{"conversationId":%q,"content":"the second"}`, chat))
		for !strings.Contains(string(b.Expect("/", "new_message", siotest.Timeout)), "the second") {
		}
		b.Emit("/", "typing", json.RawMessage(fmt.Sprintf(`{"conversationId":%q,"isTyping":true}`, chat)))
		hears(a, "/", "typing_indicator", `"72"`)
		b.Emit("/", "mark_read", json.RawMessage(fmt.Sprintf(`{"messageId":%q}`, sent.field("_id"))))
		hears(a, "/", "message_read", `"72"`, fmt.Sprint(sent.field("_id")))
	})
	t.Run("expresschat", func(t *testing.T) {
		x, y := dialects.SignUp(t, n.a.url, mail, "Ann", "ann@shop.example"), dialects.SignUp(t, n.b.url, mail, "Bob", "bob@shop.example")
		session := func(s *site, a dialects.Account) *siotest.Client {
			c := siotest.Dial(t, s.url)
			if _, err := c.TryConnect("/", a.Pair()); err != nil {
				t.Fatal(err)
			}
			hears(c, "/", "group-chat-list")
			return c
		}
		a, b := session(n.a, x), session(n.b, y)
		a.Emit("/", "create-group-chat", json.RawMessage(fmt.Sprintf(`{"Name":"Both","Description":"","Participants":[%q]}`, y.ID)))
		var group struct{ GroupID string }
		if err := json.Unmarshal(b.Expect("/", "create-group-chat-receiver", siotest.Timeout), &group); err != nil {
			t.Fatal(err)
		}
		in := func(more string) json.RawMessage {
			return json.RawMessage(fmt.Sprintf(`{"GroupId":%q%s}`, group.GroupID, more))
		}
		b.Emit("/", "send-group-message", in(`,"Content":"from there"`))
		hears(a, "/", "receive-group-message", "from there")
		a.Emit("/", "read-group-message", in(""))
		hears(b, "/", "read-grp-msg-ack", x.ID)
		a.Emit("/", "kickout", in(fmt.Sprintf(`,"Member":%q`, y.ID)))
		hears(b, "/", "kicked-out", group.GroupID)
		post := n.b.rest(nobody, "POST", "/logout", fmt.Sprintf(`{"refreshToken":%q}`, x.Refresh))
		if post.status != 200 {
			t.Errorf("a log-out on the other node: %d %s", post.status, post.body)
		}
		a.ExpectDisconnect("/", siotest.Timeout)
	})
}
