package chat

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/product"
)

var (
	asJohn  = auth.Identity{User: models.UserRef{Type: models.TypeCustomer, ID: "2"}, Name: "John Doe"}
	asHaven = auth.Identity{User: models.UserRef{Type: models.TypeVendor, ID: "2"}, Name: "Tech Haven"}
	asEve   = auth.Identity{User: models.UserRef{Type: models.TypeCustomer, ID: "3"}}
)

// people is who is online; the other side of the Presence interface, which is ours.
type people struct {
	mu     sync.Mutex
	online map[models.UserRef]bool
}

func (p *people) Online(_ context.Context, u models.UserRef) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.online[u]
}

// recorder keeps what the service publishes.
type recorder struct {
	mu     sync.Mutex
	events []Event
}

func (r *recorder) note(e Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) take() []Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	events := r.events
	r.events = nil
	return events
}

// of picks the events of one kind. An acknowledgement does not wait for the news of its message,
// so other kinds may still come in between.
func of[E Event](events []Event) []E {
	var kind []E
	for _, e := range events {
		if e, ok := e.(E); ok {
			kind = append(kind, e)
		}
	}
	return kind
}

type house struct {
	*Service
	db       *db.DB
	people   *people
	heard    *recorder
	products *product.Service
}

func newHouse(t testing.TB, url string, change ...func(*Settings)) *house {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	settings := Settings{VendorMayOpenChats: true}
	for _, c := range change {
		c(&settings)
	}
	h := &house{db: d, people: &people{online: map[models.UserRef]bool{}}, heard: &recorder{}, products: product.NewService(d, false)}
	h.Service = NewService(d, h.people, h.products, NewLocalLimiter(Rates{}), settings, slog.New(slog.DiscardHandler))
	h.Subscribe(h.heard.note)
	t.Cleanup(func() {
		h.Close()
		_ = d.Close()
	})
	return h
}

// each runs a test of the service on both databases.
func each(t *testing.T, test func(t *testing.T, h *house)) {
	t.Helper()
	dbtest.Each(t, func(t *testing.T, url string) { test(t, newHouse(t, url)) })
}

// ask is a first message of John to Tech Haven about a product.
func ask(productID, text string) SendInput {
	return SendInput{ProductID: productID, RecipientID: "2", Text: text, Card: Card{ProductName: "Wireless Headphones", ProductPrice: "299.99", StoreName: "Tech Haven", CustomerName: "somebody"}}
}

// must fails the test when the call it wraps does.
func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
