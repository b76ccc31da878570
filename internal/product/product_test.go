package product

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
)

const card = `{"name":"Wireless Headphones","price":299.90,"currency":"USD","imageUrl":"https://example.com/p.jpg","vendorId":2,"storeName":"Tech Haven"}`

// shop is the catalogue behind its real routes.
type shop struct {
	*httptest.Server
	service *Service
}

func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return d
}

func newShop(t *testing.T, d *db.DB) shop {
	t.Helper()
	s := NewService(d, false)
	log := slog.New(slog.DiscardHandler)
	v, err := auth.NewVerifier(t.Context(), auth.VerifierOptions{Secret: strings.Repeat("s", 32)})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	r.Use(auth.NewGuard(v, []string{"the-service-token"}, nil, log).RequireService())
	Register(httpjson.NewAPI(r, httpjson.NewSpec("t", "1", ""), log), s)
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return shop{srv, s}
}

func (s shop) call(t *testing.T, method, id, body string) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequest(method, s.URL+"/api/v1/products/"+id, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer the-service-token")
	res, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil || got["statusCode"] != float64(res.StatusCode) {
		t.Fatalf("%s %s: %d %s is not an envelope", method, id, res.StatusCode, b)
	}
	return res.StatusCode, got
}

func TestProductsThroughTheFrontDoor(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		s := newShop(t, open(t, url))
		if status, _ := s.call(t, "GET", "12345", ""); status != 404 {
			t.Fatalf("an unknown product is %d", status)
		}
		status, first := s.call(t, "PUT", "12345", card)
		if status != 201 {
			t.Fatalf("publishing: %d %v", status, first)
		}
		status, second := s.call(t, "PUT", "12345", strings.Replace(card, "299.90", `"19.5"`, 1))
		if status != 200 {
			t.Fatalf("replacing: %d %v", status, second)
		}
		_, got := s.call(t, "GET", "12345", "")
		data := got["data"].(map[string]any)
		if data["productId"] != "12345" || data["price"] != "19.5" || data["vendorId"] != 2.0 || data["storeName"] != "Tech Haven" ||
			data["createdAt"] != first["data"].(map[string]any)["createdAt"] {
			t.Errorf("read back %v", data)
		}
		if status, _ := s.call(t, "DELETE", "12345", ""); status != 200 {
			t.Errorf("deleting: %d", status)
		}
		for _, method := range []string{"GET", "DELETE"} {
			if status, _ := s.call(t, method, "12345", ""); status != 404 {
				t.Errorf("%s after deleting: %d", method, status)
			}
		}
	})
}

func TestCardsThatAreRefused(t *testing.T) {
	s := newShop(t, open(t, dbtest.SQLite(t)))
	for name, c := range map[string]struct{ id, old, new string }{
		"no name":            {"1", `"Wireless Headphones"`, `""`},
		"an invisible name":  {"1", `"Wireless Headphones"`, `"\u202e\u200b"`},
		"a long name":        {"1", "Wireless Headphones", strings.Repeat("é", 121)},
		"a price in words":   {"1", "299.90", `"free"`},
		"a negative price":   {"1", "299.90", "-1"},
		"no price":           {"1", "299.90", `""`},
		"a currency":         {"1", "USD", "usd"},
		"a script":           {"1", "https://example.com/p.jpg", "javascript:alert(1)"},
		"plain http":         {"1", "https://", "http://"},
		"a login in it":      {"1", "https://", "https://user:pw@"},
		"no vendor":          {"1", `"vendorId":2`, `"vendorId":""`},
		"a vendor and a bit": {"1", `"vendorId":2`, `"vendorId":2.5`},
		"more than we know":  {"1", `"currency"`, `"verified":true,"currency"`},
		"not JSON":           {"1", "}", ""},
		"a long id":          {strings.Repeat("a", 65), "x", "x"},
		"an id with blanks":  {"a%20b", "x", "x"},
		"an id with NUL":     {"a%00b", "x", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, got := s.call(t, "PUT", c.id, strings.Replace(card, c.old, c.new, 1)); status != 400 {
				t.Errorf("got %d %v", status, got)
			}
		})
	}
	if status, _ := s.call(t, "GET", "1", ""); status != 404 {
		t.Errorf("something was stored: %d", status)
	}
}

func TestOddIdsTravel(t *testing.T) {
	s := newShop(t, open(t, dbtest.SQLite(t)))
	for _, id := range []string{"sku/1", "'--", "ä+b", "%"} {
		if status, got := s.call(t, "PUT", url.PathEscape(id), card); status != 201 {
			t.Errorf("%s: %d %v", id, status, got)
		}
		if status, got := s.call(t, "GET", url.PathEscape(id), ""); status != 200 || got["data"].(map[string]any)["productId"] != id {
			t.Errorf("%s comes back as %v", id, got)
		}
	}
}

func TestOnlyTheBackendIsLetIn(t *testing.T) {
	s := newShop(t, open(t, dbtest.SQLite(t)))
	res, err := s.Client().Get(s.URL + "/api/v1/products/1")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 401 {
		t.Errorf("without a token: %d", res.StatusCode)
	}
}

// The cache saves the query, never shows this node an old card, and forgets.
func TestCache(t *testing.T) {
	d := open(t, dbtest.SQLite(t))
	s := NewService(d, false)
	clock := time.Unix(1_760_000_000, 0)
	s.cache.now = func() time.Time { return clock }
	p := models.Product{ID: "1", Name: "a", Price: "1", Currency: "EUR", ImageURL: "https://x.example/1", VendorID: "2", StoreName: "s"}
	find := func() string {
		got, err := s.Find(t.Context(), "1")
		if apperr.Is(err, apperr.NotFound) {
			return "none"
		} else if err != nil {
			t.Fatal(err)
		}
		return got.Name
	}
	elsewhere := func(sql string, args ...any) {
		if err := d.Exec(sql, args...).Error; err != nil {
			t.Fatal(err)
		}
	}
	expect := func(when, want string) {
		t.Helper()
		if got := find(); got != want {
			t.Errorf("%s: got %s, expected %s", when, got, want)
		}
	}
	expect("before", "none")
	if _, _, err := s.Put(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	expect("after Put on this node", "a")
	elsewhere("UPDATE products SET name = 'b'")
	expect("after a change on another node", "a")
	clock = clock.Add(rememberFor + time.Second)
	expect("30 s later", "b")
	if err := s.Delete(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	expect("after Delete on this node", "none")

	turn := s.cache.turn() // a reader has asked the store …
	if _, _, err := s.Put(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	s.cache.keep(turn, models.Product{ID: "1"}, false) // … and keeps its answer only now
	expect("after an answer that was overtaken", "a")

	for i := range cacheSize + 5 {
		s.cache.keep(s.cache.turn(), models.Product{ID: fmt.Sprint("p", i)}, false)
	}
	if n := s.cache.entries.Len(); n > cacheSize {
		t.Errorf("%d entries are remembered", n)
	}
}
