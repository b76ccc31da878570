package chat

import (
	"context"
	"flag"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
)

// The service against a model of it that fits on a page: random people do random things in two
// chats, and after each step what the database says is what the model says.

type modelMessage struct {
	id      string
	sender  models.UserRef
	text    string
	key     string
	deleted bool
}

type modelChat struct {
	id        string
	product   string
	vendor    auth.Identity
	customer  auth.Identity
	messages  []modelMessage
	rev       int64
	read      map[models.UserRef]int64
	delivered map[models.UserRef]int64
}

func (c *modelChat) unread(u models.UserRef) (n int64) {
	for i, m := range c.messages {
		if m.sender != u && int64(i+1) > c.read[u] && !m.deleted {
			n++
		}
	}
	return n
}

type machine struct {
	h     *house
	chats []*modelChat
	keys  map[string]string // sender and key → message id
}

func (m *machine) pick(t *rapid.T) (*modelChat, auth.Identity) {
	c := rapid.SampledFrom(m.chats).Draw(t, "chat")
	return c, rapid.SampledFrom([]auth.Identity{c.vendor, c.customer}).Draw(t, "who")
}

func (m *machine) send(t *rapid.T) {
	c, who := m.pick(t)
	in := SendInput{Text: rapid.StringMatching(`[a-z]{1,8}`).Draw(t, "text"), ChatID: c.id}
	if c.id == "" || rapid.Bool().Draw(t, "by product") {
		in.ChatID, in.ProductID, in.RecipientID = "", c.product, c.customer.User.ID
		if who == c.customer {
			in.RecipientID = c.vendor.User.ID
		}
	}
	if rapid.Bool().Draw(t, "with key") {
		in.Key = fmt.Sprintf("%s-%d", c.product, rapid.IntRange(0, 5).Draw(t, "key"))
	}
	sent, err := m.h.Send(context.Background(), who, in)
	known := in.Key != "" && m.keys[who.User.String()+in.Key] != ""
	if known {
		m.expectRepeat(t, c, who, in, sent, err)
		return
	}
	if err != nil {
		t.Fatalf("send: %v", err)
	}
	if sent.Duplicate || sent.Message.Seq != int64(len(c.messages)+1) {
		t.Fatalf("sent %+v, want place %d", sent.Message, len(c.messages)+1)
	}
	before := int64(len(c.messages))
	if c.delivered[who.User] == before {
		c.delivered[who.User]++
	}
	c.id = sent.Chat.ID
	c.messages = append(c.messages, modelMessage{id: sent.Message.ID, sender: who.User, text: in.Text, key: in.Key})
	c.read[who.User] = before + 1
	if in.Key != "" {
		m.keys[who.User.String()+in.Key] = sent.Message.ID
	}
}

func (m *machine) expectRepeat(t *rapid.T, c *modelChat, who auth.Identity, in SendInput, sent Sent, err error) {
	for _, first := range c.messages {
		if first.id != m.keys[who.User.String()+in.Key] {
			continue
		}
		if first.text == in.Text {
			if err != nil || !sent.Duplicate || sent.Message.ID != first.id {
				t.Fatalf("repeat: %+v, %v", sent, err)
			}
		} else if !apperr.Is(err, apperr.Conflict) {
			t.Fatalf("other content under a used key: %v", err)
		}
	}
}

func (m *machine) read(t *rapid.T) {
	c, who := m.pick(t)
	upTo := rapid.Int64Range(0, int64(len(c.messages))+2).Draw(t, "up to")
	r, err := m.h.MarkRead(context.Background(), who.User, c.id, &upTo, "")
	if c.id == "" {
		if !apperr.Is(err, apperr.NotFound) {
			t.Fatalf("read in a chat that does not exist: %v", err)
		}
		return
	}
	want := max(c.read[who.User], min(upTo, int64(len(c.messages))))
	if err != nil || r.ReadSeq != want || r.Moved != (want > c.read[who.User]) {
		t.Fatalf("read up to %d: %+v, %v, want %d", upTo, r, err, want)
	}
	c.read[who.User] = want
}

func (m *machine) deliver(t *rapid.T) {
	c, who := m.pick(t)
	upTo := rapid.Int64Range(0, int64(len(c.messages))+2).Draw(t, "up to")
	err := m.h.Delivered(context.Background(), who.User, c.id, upTo)
	if c.id == "" {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	c.delivered[who.User] = max(c.delivered[who.User], min(upTo, int64(len(c.messages))))
}

func (m *machine) remove(t *rapid.T) {
	c, who := m.pick(t)
	if len(c.messages) == 0 {
		return
	}
	i := rapid.IntRange(0, len(c.messages)-1).Draw(t, "message")
	d, err := m.h.Delete(context.Background(), who.User, c.id, c.messages[i].id)
	switch {
	case c.messages[i].sender != who.User:
		if !apperr.Is(err, apperr.Forbidden) {
			t.Fatalf("deleted somebody else's message: %v", err)
		}
	case err != nil || d.Again != c.messages[i].deleted || d.Seq != int64(i+1):
		t.Fatalf("delete: %+v, %v", d, err)
	case !d.Again:
		c.messages[i].deleted = true
		c.rev++
	}
}

// check compares everything that can be read with the model.
func (m *machine) check(t *rapid.T) {
	ctx := context.Background()
	for _, c := range m.chats {
		if c.id == "" {
			continue
		}
		for _, who := range []auth.Identity{c.vendor, c.customer} {
			page, err := m.h.Open(ctx, who.User, c.id, MaxPage)
			if err != nil {
				t.Fatal(err)
			}
			if len(page.Messages) != len(c.messages) || page.Chat.Rev != c.rev || page.Chat.LastSeq != int64(len(c.messages)) {
				t.Fatalf("%d messages, rev %d, last %d; want %d, %d", len(page.Messages), page.Chat.Rev, page.Chat.LastSeq, len(c.messages), c.rev)
			}
			for i, got := range page.Messages {
				want := c.messages[i]
				if got.Seq != int64(i+1) || got.ID != want.id || got.Text != want.text || got.Sender() != want.sender || (got.DeletedAt != nil) != want.deleted {
					t.Fatalf("message %d is %+v, want %+v", i+1, got, want)
				}
			}
			for _, member := range page.Members {
				u := member.User()
				if member.ReadSeq != c.read[u] || member.DeliveredSeq != c.delivered[u] || member.Unread != c.unread(u) || member.LastSeq != page.Chat.LastSeq {
					t.Fatalf("%s: %+v; want read %d, delivered %d, unread %d", u, member, c.read[u], c.delivered[u], c.unread(u))
				}
			}
			m.checkBacklog(t, c, who)
		}
	}
}

// checkBacklog: what waits is exactly what others wrote behind the delivered position.
func (m *machine) checkBacklog(t *rapid.T, c *modelChat, who auth.Identity) {
	var want, got []string
	for i, message := range c.messages {
		if message.sender != who.User && int64(i+1) > c.delivered[who.User] {
			want = append(want, message.id)
		}
	}
	err := m.h.backlog(context.Background(), who.User, nil, func(messages []models.Message, _ map[string]int64) error {
		for _, message := range messages {
			if message.ChatID == c.id {
				got = append(got, message.ID)
			}
		}
		return nil
	})
	if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("%s waits for %v (%v), want %v", who.User, got, err, want)
	}
}

// Fifty conversations on each database every time; -rapid.checks asks for more.
func TestServiceAgainstModel(t *testing.T) {
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		_ = f.Value.Set("50")
	}
	each(t, func(t *testing.T, h *house) {
		rapid.Check(t, func(t *rapid.T) {
			run := uuid.NewString()[:8]
			m := &machine{h: h, keys: map[string]string{}}
			for i := range 2 {
				m.chats = append(m.chats, &modelChat{
					product:  fmt.Sprintf("p%d", i),
					customer: auth.Identity{User: models.UserRef{Type: models.TypeCustomer, ID: run}},
					vendor:   auth.Identity{User: models.UserRef{Type: models.TypeVendor, ID: run}},
					read:     map[models.UserRef]int64{}, delivered: map[models.UserRef]int64{},
				})
			}
			t.Repeat(map[string]func(*rapid.T){
				"send": m.send, "send again": m.send, "read": m.read, "deliver": m.deliver, "delete": m.remove, "": m.check,
			})
		})
	})
}
