package session

import (
	"log/slog"
	"sync"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

const secret = "a-secret-of-the-session-tests-32-bytes-long"

var john = models.UserRef{Type: models.TypeCustomer, ID: "2"}

// A revocation on one node refuses the token there at once, and on another that hears of it only
// through the database within seconds; a later token works, and a restart forgets nothing.
func TestRevokedOnEveryNode(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		cut := make(chan Revoked, 10)
		node := func() (*Sessions, auth.Verifier) {
			d, err := db.Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := d.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			s, err := New(t.Context(), d, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			v, err := auth.NewVerifier(t.Context(), auth.VerifierOptions{Secret: secret})
			if err != nil {
				t.Fatal(err)
			}
			s.Start(func(r Revoked) { cut <- r }, nil)
			t.Cleanup(func() { s.Close(); _ = d.Close() })
			return s, s.Guard(v)
		}
		first, here := node()
		_, there := node()
		token, err := auth.Mint(secret, auth.Claims{User: john}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range []auth.Verifier{here, there} {
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := first.Revoke(t.Context(), john); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Verify(t.Context(), token); !apperr.Is(err, apperr.Unauthorized) {
			t.Errorf("here: %v", err)
		}
		for range 2 { // each node cuts its own sockets
			select {
			case r := <-cut:
				if r.User != john {
					t.Errorf("cut %v", r)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("the other node has not heard of it")
			}
		}
		if _, err := there.Verify(t.Context(), token); !apperr.Is(err, apperr.Unauthorized) {
			t.Errorf("there: %v", err)
		}
		_, restarted := node()
		if _, err := restarted.Verify(t.Context(), token); !apperr.Is(err, apperr.Unauthorized) {
			t.Errorf("after a restart: %v", err)
		}
		if first.Over(auth.Identity{User: john, Issued: time.Now().Add(2 * time.Second)}) {
			t.Error("a token issued later is refused")
		}
		if first.Over(auth.Identity{User: models.UserRef{Type: models.TypeVendor, ID: "2"}}) {
			t.Error("vendor 2 is another person")
		}
	})
}

// Announcements and polls may come in any order.
func TestTheLatestRevocationWins(t *testing.T) {
	s := &Sessions{revoked: map[models.UserRef]time.Time{}, cut: func(Revoked) {}}
	now := time.Now()
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { s.Arrived(Revoked{john, now.Add(time.Duration(i) * time.Second)}) })
	}
	wg.Wait()
	if !s.Over(auth.Identity{User: john, Issued: now.Add(19 * time.Second)}) || s.Over(auth.Identity{User: john, Issued: now.Add(20 * time.Second)}) {
		t.Error("not the latest")
	}
}
