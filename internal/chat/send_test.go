package chat

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
)

func TestFirstMessageOpensTheOneChat(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		h.people.online[asHaven.User] = true
		first := must[Sent](t)(h.Send(t.Context(), asJohn, ask("12345", "Is it still available?")))
		if !first.Opened || first.Message.Seq != 1 || !first.Message.RecipientOnline {
			t.Errorf("first: %+v", first)
		}
		c := first.Chat
		if c.CustomerID != "2" || c.VendorID != "2" || c.ProductID != "12345" || c.ProductVerified {
			t.Errorf("chat: %+v", c)
		}
		if c.CustomerName != "John Doe" || c.StoreName != "Tech Haven" || c.ProductPrice != "299.99" {
			t.Errorf("the card is what the token says, and then what the client says: %+v", c)
		}
		later := ask("12345", "Hello?")
		later.Card.StoreName = "Another Name"
		second := must[Sent](t)(h.Send(t.Context(), asJohn, later))
		if second.Chat.ID != c.ID || second.Opened || second.Message.Seq != 2 || second.Chat.StoreName != "Tech Haven" {
			t.Errorf("second: %+v", second)
		}
		reply := must[Sent](t)(h.Send(t.Context(), asHaven, SendInput{ProductID: "12345", RecipientID: "2", Text: "Yes"}))
		if reply.Chat.ID != c.ID || reply.Message.Seq != 3 || reply.Message.RecipientOnline {
			t.Errorf("the vendor reaches the same chat from the other side: %+v", reply)
		}
	})
}

func TestManyAtOnceOpenOneChat(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const n = 60
		sent := make([]Sent, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				who := asJohn
				if i%2 == 1 {
					who = asHaven
				}
				s, err := h.Send(context.Background(), who, ask("12345", fmt.Sprint(i)))
				if err != nil {
					t.Error(err)
				}
				sent[i] = s
			})
		}
		wg.Wait()
		seen := map[int64]bool{}
		for _, s := range sent {
			if s.Chat.ID != sent[0].Chat.ID {
				t.Fatal("two chats for one product, vendor and customer")
			}
			seen[s.Message.Seq] = true
		}
		for i := int64(1); i <= n; i++ {
			if !seen[i] {
				t.Errorf("no message has place %d", i)
			}
		}
		last := int64(0)
		for _, e := range h.heard.take() {
			if m, ok := e.(MessageSent); ok {
				if m.Message.Seq != last+1 {
					t.Fatalf("published %d after %d", m.Message.Seq, last)
				}
				last = m.Message.Seq
			}
		}
	})
}

func TestPipelinedSendsKeepTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const n = 300
		done := make(chan Sent, n)
		for i := range n {
			h.SendAsync(t.Context(), asJohn, ask("12345", fmt.Sprint(i)), func(s Sent, err error) {
				if err != nil {
					t.Error(err)
				}
				done <- s
			})
		}
		for i := range n {
			if s := <-done; s.Message.Seq != int64(i+1) || s.Message.Text != fmt.Sprint(i) {
				t.Fatalf("answer %d is message %q at %d", i, s.Message.Text, s.Message.Seq)
			}
		}
	})
}

func TestSameKeyIsTheSameMessage(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		in := ask("12345", "once")
		in.Key = "key-1"
		first := must[Sent](t)(h.Send(t.Context(), asJohn, in))
		again := must[Sent](t)(h.Send(t.Context(), asJohn, in))
		byChat := must[Sent](t)(h.Send(t.Context(), asJohn, SendInput{ChatID: first.Chat.ID, Text: "once", Key: "key-1"}))
		for _, s := range []Sent{again, byChat} {
			if !s.Duplicate || s.Message.ID != first.Message.ID || s.Message.Seq != 1 {
				t.Errorf("again: %+v", s)
			}
		}
		other := in
		other.Text = "something else"
		if _, err := h.Send(t.Context(), asJohn, other); !apperr.Is(err, apperr.Conflict) {
			t.Errorf("other content under the key: %v", err)
		}
		elsewhere := in
		elsewhere.ProductID = "999"
		if _, err := h.Send(t.Context(), asJohn, elsewhere); !apperr.Is(err, apperr.Conflict) {
			t.Errorf("the key in another chat: %v", err)
		}
		if s := must[Sent](t)(h.Send(t.Context(), asHaven, SendInput{ChatID: first.Chat.ID, Text: "mine", Key: "key-1"})); s.Duplicate {
			t.Error("another sender's key is another key")
		}
		var rows int64
		h.db.Model(&models.Message{}).Count(&rows)
		if rows != 2 {
			t.Errorf("%d rows", rows)
		}
	})
}

// The same key twice in one transaction, and from many callers at once.
func TestSameKeyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		const n = 40
		ids := make(chan string, n)
		for range n {
			in := ask("12345", "once")
			in.Key = "key-1"
			h.SendAsync(t.Context(), asJohn, in, func(s Sent, err error) {
				if err != nil {
					t.Error(err)
				}
				ids <- fmt.Sprint(s.Message.ID, s.Message.Seq)
			})
		}
		first := <-ids
		for range n - 1 {
			if id := <-ids; id != first {
				t.Fatalf("%s and %s", first, id)
			}
		}
		if got := h.Stats(); got.Stored != 1 || got.Repeated != n-1 {
			t.Errorf("%+v", got)
		}
	})
}

func TestWhoMayWriteWhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		chat := must[Sent](t)(h.Send(t.Context(), asJohn, ask("12345", "hello"))).Chat
		other := auth.Identity{User: models.UserRef{Type: models.TypeVendor, ID: "9"}}
		admin := auth.Identity{User: models.UserRef{Type: models.TypeAdmin, ID: "1"}}
		for name, c := range map[string]struct {
			who  auth.Identity
			in   SendInput
			want apperr.Code
		}{
			"somebody else's chat":             {asEve, SendInput{ChatID: chat.ID, Text: "x"}, apperr.NotFound},
			"the same number, other side":      {auth.Identity{User: models.UserRef{Type: models.TypeVendor, ID: "3"}}, SendInput{ChatID: chat.ID, Text: "x"}, apperr.NotFound},
			"another vendor":                   {other, SendInput{ChatID: chat.ID, Text: "x", ProductID: "12345", RecipientID: "2"}, apperr.NotFound},
			"an unknown chat":                  {asJohn, SendInput{ChatID: "1770ddc5-429c-4bdf-ae87-249da802d6c0", Text: "x"}, apperr.NotFound},
			"no id at all":                     {asJohn, SendInput{ChatID: "' OR 1=1--", Text: "x"}, apperr.NotFound},
			"a recipient who is not in it":     {asJohn, SendInput{ChatID: chat.ID, RecipientID: "7", Text: "x"}, apperr.Invalid},
			"nothing named":                    {asJohn, SendInput{Text: "x"}, apperr.Invalid},
			"no recipient":                     {asJohn, SendInput{ProductID: "1", Text: "x"}, apperr.Invalid},
			"an admin":                         {admin, ask("1", "x"), apperr.Forbidden},
			"an id with a space":               {asJohn, SendInput{ProductID: "1", RecipientID: "2 OR", Text: "x"}, apperr.Invalid},
			"no text":                          {asJohn, ask("12345", " \u200b\n"), apperr.Invalid},
			"too long a text":                  {asJohn, ask("12345", strings.Repeat("é", MaxTextRunes+1)), apperr.Invalid},
			"too many bytes":                   {asJohn, ask("12345", strings.Repeat("👍🏽", MaxTextBytes/8+1)), apperr.Invalid},
			"a bad key":                        {asJohn, SendInput{ChatID: chat.ID, Text: "x", Key: "a key"}, apperr.Invalid},
			"an image that was never uploaded": {asJohn, SendInput{ChatID: chat.ID, ImageIDs: []string{"1770ddc5-429c-4bdf-ae87-249da802d6c0"}}, apperr.NotFound},
		} {
			if _, err := h.Send(t.Context(), c.who, c.in); !apperr.Is(err, c.want) {
				t.Errorf("%s: %v, want %d", name, err, c.want)
			}
		}
		if rows := h.Stats().Stored; rows != 1 {
			t.Errorf("%d stored", rows)
		}
		again := must[Sent](t)(h.Send(t.Context(), asJohn, SendInput{ChatID: "1770ddc5-429c-4bdf-ae87-249da802d6c0", ProductID: "12345", RecipientID: "2", Text: "x"}))
		if again.Chat.ID != chat.ID {
			t.Error("an unknown chat id with product fields means the chat of the product")
		}
	})
}

func TestTheCatalogueWins(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		_, _, err := h.products.Put(t.Context(), models.Product{ID: "12345", Name: "Real Name", Price: "10.50", Currency: "EUR", ImageURL: "https://e.com/i.png", VendorID: "2", StoreName: "Real Store"})
		if err != nil {
			t.Fatal(err)
		}
		in := ask("12345", "hello")
		in.Card.ProductPrice, in.Card.StoreName = "1", "Famous Store"
		c := must[Sent](t)(h.Send(t.Context(), asJohn, in)).Chat
		if !c.ProductVerified || c.ProductName != "Real Name" || c.ProductPrice != "10.50" || c.StoreName != "Real Store" {
			t.Errorf("%+v", c)
		}
		in.RecipientID = "3"
		if _, err := h.Send(t.Context(), asJohn, in); !apperr.Is(err, apperr.Invalid) {
			t.Errorf("a vendor who does not sell it: %v", err)
		}
	})
}

func TestTextIsCleanedTheSameEverywhere(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		for in, want := range map[string]string{
			"a\x00b\x1b[31mc\r\nd\te":   "ab[31mc\nd\te",
			"\xed\xa0\x80x":             "\uFFFDx",
			"\u202Ereversed\u202C":      "reversed",
			"<script>alert(1)</script>": "<script>alert(1)</script>",
			"👩‍👩‍👧 שלום":                "👩‍👩‍👧 שלום",
		} {
			s := must[Sent](t)(h.Send(t.Context(), asJohn, ask("12345", in)))
			page := must[Page](t)(h.Messages(t.Context(), asJohn.User, s.Chat.ID, PageInput{Limit: 1}))
			if got := page.Messages[0].Text; got != want {
				t.Errorf("%q is stored as %q, want %q", in, got, want)
			}
		}
	})
}
