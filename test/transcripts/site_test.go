package transcripts

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

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

// start builds the whole server with the given settings and serves it on a free port of
// loopback until the test ends.
func start(t *testing.T, settings map[string]string) site {
	t.Helper()
	defaults := map[string]string{"JWT_SECRET": secret, "SERVICE_TOKENS": serviceToken, "PRESENCE_GRACE": "50ms", "PRESENCE_WAIT": "1s"}
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
	ctx, cancel := context.WithCancel(context.Background())
	srv, err := server.New(ctx, cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		cancel()
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ctx, ln) }()
	transport := &http.Transport{}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		select {
		case err := <-served:
			if err != nil {
				t.Errorf("the server ended with: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("the server did not end within 30 s")
		}
	})
	return site{"http://" + ln.Addr().String(), &http.Client{Transport: transport, Timeout: 10 * time.Second}}
}
