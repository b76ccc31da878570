package auth

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

// guarded is a router with one route for customers and one for the shop's backend.
func guarded(t *testing.T, failures *Failures) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var logged bytes.Buffer
	g := NewGuard(testVerifier(t, nil), []string{"service-one", "service-two"}, failures, slog.New(slog.NewJSONHandler(&logged, nil)))
	r := chi.NewRouter()
	r.With(g.Require(models.TypeCustomer, models.TypeVendor)).Get("/user", func(w http.ResponseWriter, r *http.Request) {
		id, ok := FromContext(r.Context())
		if !ok {
			t.Error("no identity in the context")
		}
		_, _ = w.Write([]byte(id.User.String()))
	})
	r.With(g.RequireService()).Get("/shop", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })
	return r, &logged
}

func get(h http.Handler, path string, authorization ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header["Authorization"] = authorization
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRequire(t *testing.T) {
	h, logged := guarded(t, nil)
	admin := raw(hs256, with(map[string]any{"userType": "admin"}))
	for name, c := range map[string]struct {
		path   string
		header []string
		status int
	}{
		"a good token":          {"/user", []string{"Bearer " + good()}, 200},
		"any case":              {"/user", []string{"bEARER " + good()}, 200},
		"no header":             {"/user", nil, 401},
		"another scheme":        {"/user", []string{"Basic " + good()}, 401},
		"two headers":           {"/user", []string{"Bearer " + good(), "Bearer " + good()}, 401},
		"a bad token":           {"/user", []string{"Bearer x.y.z"}, 401},
		"in the address":        {"/user?token=" + good(), nil, 401},
		"another type":          {"/user", []string{"Bearer " + admin}, 403},
		"a service token":       {"/shop", []string{"Bearer service-two"}, 204},
		"not quite one":         {"/shop", []string{"Bearer service-tw"}, 401},
		"none of them":          {"/shop", nil, 401},
		"a user at the backend": {"/shop", []string{"Bearer " + good()}, 401},
		"the reverse":           {"/user", []string{"Bearer service-one"}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			w := get(h, c.path, c.header...)
			if w.Code != c.status {
				t.Fatalf("got %d %s", w.Code, w.Body)
			}
			if c.status == 200 && w.Body.String() != "customer:2" {
				t.Errorf("the identity is %s", w.Body)
			}
			if c.status == 401 && w.Header().Get("WWW-Authenticate") != "Bearer" {
				t.Error("a 401 must say how to authenticate")
			}
		})
	}
	if s := logged.String(); strings.Contains(s, good()) || strings.Contains(s, "service-tw") || strings.Count(s, "\n") != 10 {
		t.Errorf("expected ten lines without a token, got:\n%s", s)
	}
}

func TestNobodyIsServiceWithoutTokens(t *testing.T) {
	g := NewGuard(testVerifier(t, nil), nil, nil, slog.New(slog.DiscardHandler))
	h := g.RequireService()(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("let through") }))
	for _, header := range []string{"", "Bearer ", "Bearer x"} {
		if w := get(h, "/", header); w.Code != 401 {
			t.Errorf("%q gets %d", header, w.Code)
		}
	}
}

// T19: from the eleventh failure on it is 429, whatever X-Forwarded-For says; others are not affected.
func TestFailuresAreLimited(t *testing.T) {
	h, _ := guarded(t, NewFailures(10))
	for i := range 12 {
		r := httptest.NewRequest(http.MethodGet, "/user", nil)
		r.Header.Set("Authorization", "Bearer bad")
		r.Header.Set("X-Forwarded-For", netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}).String())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		want := 401
		if i >= 10 {
			want = 429
		}
		if w.Code != want {
			t.Fatalf("failure %d gets %d, expected %d", i+1, w.Code, want)
		}
		if want == 429 {
			var body struct{ RetryAfterMs int64 }
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || body.RetryAfterMs <= 0 || body.RetryAfterMs > 60_000 || w.Header().Get("Retry-After") == "" {
				t.Errorf("expected a time to wait: %s", w.Body)
			}
		}
	}
	if w := get(h, "/user", "Bearer "+good()); w.Code != 200 {
		t.Errorf("a good token from the same address gets %d", w.Code)
	}
}

func TestFailuresByAddressAndMinute(t *testing.T) {
	f := NewFailures(2)
	clock := now
	f.now = func() time.Time { return clock }
	note := func(s string) bool { return apperr.Is(f.Note(netip.MustParseAddr(s)), apperr.TooMany) }
	if note("192.0.2.1") || note("::ffff:192.0.2.1") || !note("192.0.2.1") {
		t.Error("expected the third failure of one address to be refused, mapped or not")
	}
	if note("192.0.2.2") {
		t.Error("another address must not be affected")
	}
	if note("2001:db8::1") || note("2001:db8::2") || !note("2001:db8:0:0:ffff::3") || note("2001:db8:0:1::1") {
		t.Error("expected a /64 to count as one address")
	}
	clock = clock.Add(time.Minute)
	if note("192.0.2.1") {
		t.Error("a new minute starts from nothing")
	}
	for i := range maxAddresses + 10 {
		_ = f.Note(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if len(f.since) > maxAddresses {
		t.Errorf("%d addresses are remembered", len(f.since))
	}
}
