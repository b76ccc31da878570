package transcripts

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"chaffer/config"
	"chaffer/internal/server"
)

const (
	secret       = "transcripts-secret-0123456789abcdefghij"
	serviceToken = "transcripts-service-0123456789abcdefghij"
)

// site is one running server.
type site struct {
	url    string
	client *http.Client
}

// start builds the whole server with the given settings and serves it on loopback
// until the test ends.
func start(t *testing.T, settings map[string]string) site {
	t.Helper()
	defaults := map[string]string{"JWT_SECRET": secret, "SERVICE_TOKENS": serviceToken, "PRESENCE_GRACE": "50ms", "PRESENCE_WAIT": "2s"}
	cfg, err := config.Load(func(key string) (string, bool) {
		if v, ok := settings[key]; ok {
			return v, true
		}
		v, ok := defaults[key]
		return v, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(srv.Handler())
	t.Cleanup(func() {
		// The sockets first: the web server waits for its requests.
		if err := srv.Close(); err != nil {
			t.Errorf("the server ended with: %v", err)
		}
		web.Close()
	})
	return site{web.URL, web.Client()}
}
