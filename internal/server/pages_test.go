package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"chaffer/config"
)

// wholeNode builds a whole node on a database of its own and returns what it serves.
func wholeNode(t *testing.T, env map[string]string) http.Handler {
	t.Helper()
	env["DATABASE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "chaffer.db")
	cfg, err := config.Load(func(key string) (string, bool) { v, ok := env[key]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s.Handler()
}

func ask(h http.Handler, method, path string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "http://chat.example.com"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func TestDemoIsForDevelopment(t *testing.T) {
	development := wholeNode(t, map[string]string{})
	production := wholeNode(t, map[string]string{
		"APP_ENV": "production", "JWT_SECRET": strings.Repeat("k", 48), "ALLOWED_ORIGINS": "https://shop.example.com",
	})
	for path, there := range map[string]int{
		"/demo/token/customer/2": 200, "/demo/token/admin/1": 200, "/demo/shop.json": 200, "/demo/product/12345": 200, "/demo/vendor": 200, "/demo/pictures/12345.svg": 200,
		"/demo/token/customer/999": 404, "/demo/token/admin/2": 404, "/demo/token/member/2": 404,
	} {
		if got := ask(development, "GET", path).StatusCode; got != there {
			t.Errorf("%s in development: expected %d, got %d", path, there, got)
		}
		if got := ask(production, "GET", path).StatusCode; got != 404 {
			t.Errorf("%s in production: %d", path, got)
		}
	}
	if got := ask(development, "GET", "/demo/token/customer/2", "Origin", "https://evil.example.com").StatusCode; got != 403 {
		t.Errorf("a foreign page gets a token: %d", got)
	}
}

// A widget on the shop's own origin asks with a token, which browsers announce first.
func TestPreflight(t *testing.T) {
	h := wholeNode(t, map[string]string{
		"APP_ENV": "production", "JWT_SECRET": strings.Repeat("k", 48), "ALLOWED_ORIGINS": "https://shop.example.com",
	})
	for _, path := range []string{"/api/v1/chats", "/api/v1/chats/01a1fb96-13f3-7aea-b349-9fb9d7998fa6", "/api/v1/chats/messages"} {
		res := ask(h, "OPTIONS", path, "Origin", "https://shop.example.com", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", "authorization")
		if res.StatusCode >= 300 || res.Header.Get("Access-Control-Allow-Origin") != "https://shop.example.com" || res.Header.Get("Access-Control-Allow-Headers") == "" {
			t.Errorf("%s: %d %v", path, res.StatusCode, res.Header)
		}
		foreign := ask(h, "OPTIONS", path, "Origin", "https://evil.example.com", "Access-Control-Request-Method", "GET")
		if foreign.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s lets a foreign page in", path)
		}
	}
	// What only answers that question is not an address.
	if got := ask(h, "GET", "/api/v1/nothing").StatusCode; got != 404 {
		t.Errorf("an unknown address: %d", got)
	}
	if got := ask(h, "PUT", "/api/v1/chats").StatusCode; got != 405 {
		t.Errorf("a known address with another method: %d", got)
	}
}
