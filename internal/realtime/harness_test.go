package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

const soon = 20 * time.Second

// TestMain looks for goroutines that stay. The library forgets an upgrade that was broken off after ten seconds.
func TestMain(m *testing.M) {
	code := m.Run()
	err := goleak.Find()
	for deadline := time.Now().Add(15 * time.Second); err != nil && time.Now().Before(deadline); {
		err = goleak.Find()
	}
	if err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// names is a verifier that reads "customer:2" as customer 2; "customer:2:3s" expires in 3 seconds.
type names struct{}

func (names) Verify(_ context.Context, token string) (auth.Identity, error) {
	parts := strings.Split(strings.TrimPrefix(token, "Bearer "), ":")
	if len(parts) < 2 || parts[1] == "" {
		return auth.Identity{}, apperr.New(apperr.Unauthorized, "The token is not valid")
	}
	id := auth.Identity{User: models.UserRef{Type: models.UserType(parts[0]), ID: parts[1]}, Expires: time.Now().Add(time.Hour)}
	if len(parts) == 3 {
		d, err := time.ParseDuration(parts[2])
		if err != nil {
			return auth.Identity{}, apperr.New(apperr.Unauthorized, "The token is not valid")
		}
		id.Expires = time.Now().Add(d)
	}
	return id, nil
}

// logs keeps what is logged, for tests that look at it.
type logs struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type harness struct {
	*realtime.Server
	url  string
	http *httptest.Server
	logs *logs
	gets atomic.Int32 // GET requests under way
}

// start serves; declare gets the server to declare namespaces.
func start(t testing.TB, o realtime.Options, declare func(*realtime.Server)) *harness {
	t.Helper()
	h := &harness{logs: &logs{}}
	if o.Verifier == nil {
		o.Verifier = names{}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	h.Server = realtime.NewServer(o)
	declare(h.Server)
	handler := h.Handler()
	h.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			h.gets.Add(1)
			defer h.gets.Add(-1)
		}
		handler.ServeHTTP(w, r)
	}))
	h.url = h.http.URL
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := h.Shutdown(ctx, 0); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		h.http.Close()
	})
	return h
}

type text struct {
	Text string `json:"text"`
}

// echo declares a namespace whose event "echo" answers with "echoed" and what came.
func echo(path string, hooks realtime.Hooks) func(*realtime.Server) {
	return func(s *realtime.Server) {
		n := s.Namespace(path, hooks)
		realtime.On(n, realtime.Event{Name: "echo", Answer: "echoed"}, func(_ context.Context, _ *realtime.Conn, in text) (text, error) {
			return in, nil
		})
	}
}

func decode[T any](t testing.TB, b json.RawMessage) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("decode %s: %v", b, err)
	}
	return v
}

type failure struct {
	Error      bool
	Message    string
	StatusCode int
	Event      string
}

// eventually waits for a condition that no event announces.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", soon, what)
		}
	}
}
