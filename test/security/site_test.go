// Package security attacks a running node from outside: over WebSocket, long-polling and REST, on
// SQLite and on Postgres. Each row of the table has a number, says what is tried and returns what
// was seen; with -evidence and a file, the table of it is written (see evidence_test.go).
package security

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/porttest"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/server"
)

const (
	secret       = "security-canary-secret-0123456789abcdefghij"
	serviceToken = "security-canary-service-0123456789abcdefghij"
)

// The people of the table. John and Haven share a chat; the numbers of others are chosen to collide.
var (
	john   = models.UserRef{Type: models.TypeCustomer, ID: "2"}
	haven  = models.UserRef{Type: models.TypeVendor, ID: "2"}
	jane   = models.UserRef{Type: models.TypeCustomer, ID: "3"}
	lights = models.UserRef{Type: models.TypeVendor, ID: "3"}
	root   = models.UserRef{Type: models.TypeAdmin, ID: "2"}
	nobody = models.UserRef{}
)

// journal is everything the node logs.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// site is one running node.
type site struct {
	*testing.T
	url     string
	metrics string // where it tells its figures
	db      *db.DB
	journal *journal
	socket  []siotest.Option // how a socket is opened: nothing for WebSocket
	sockets int              // how many the row has opened

	measured string // a figure for the evidence that nothing judges
}

// start runs a whole node on loopback until the test ends. Limits by address are off unless set:
// everybody in a test has the same address.
func start(t *testing.T, database string, settings map[string]string) *site {
	t.Helper()
	defaults := map[string]string{
		"JWT_SECRET": secret, "SERVICE_TOKENS": serviceToken, "DATABASE_URL": database, "PRESENCE_GRACE": "50ms", "PRESENCE_WAIT": "1s",
		"ALLOWED_ORIGINS": "https://shop.example", "UPLOAD_DIR": t.TempDir(), "JWT_ISSUER": "shop", "JWT_AUDIENCE": "chaffer",
		"LIMIT_FAILURES_PER_MINUTE_PER_IP": "0", "LIMIT_CONNECTS_PER_MINUTE_PER_IP": "0", "LIMIT_CONNECTIONS_PER_IP": "0",
		"LIMIT_SENDS_PER_SECOND": "0", "LIMIT_SENDS_PER_MINUTE": "0", "LIMIT_NEW_CHATS_PER_HOUR": "0",
		"METRICS_ADDR": porttest.Address(t),
	}
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
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{T: t, url: "http://" + ln.Addr().String(), metrics: cfg.MetricsAddr, journal: &journal{}}
	node, err := server.New(t.Context(), cfg, slog.New(slog.NewTextHandler(s.journal, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- node.Serve(ctx, ln) }()
	if s.db, err = db.Open(t.Context(), database); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.db.Close()
		counted := figures(t, cfg.MetricsAddr)
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the node ended with: %v", err)
		}
		scanNode(t, s.journal.String(), counted)
	})
	return s
}

// token signs for u as the shop would; change may spoil its claims.
func token(u models.UserRef, ttl time.Duration) string {
	t, err := auth.Mint(secret, auth.Claims{User: u, Name: "Name of " + u.String(), Issuer: "shop", Audience: "chaffer"}, ttl)
	if err != nil {
		panic(err)
	}
	return t
}

// answer is what a REST request brought.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) field(name string) any {
	var m map[string]any
	_ = json.Unmarshal(a.body, &m)
	for _, part := range strings.Split(name, ".") {
		v, ok := m[part]
		if !ok {
			return nil
		}
		if next, isMap := v.(map[string]any); isMap {
			m = next
			continue
		}
		return v
	}
	return m
}

// rest sends a request; u may be nobody, and headers come in pairs and win.
func (s *site) rest(u models.UserRef, method, path, body string, headers ...string) answer {
	s.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if u != nobody {
		req.Header.Set("Authorization", "Bearer "+token(u, time.Hour))
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, b}
}

// want fails the row unless a request is answered with a status, in the envelope's words.
func (s *site) want(status int, u models.UserRef, method, path, body string, headers ...string) answer {
	s.Helper()
	a := s.rest(u, method, path, body, headers...)
	if a.status != status {
		s.Errorf("%s %s as %s: expected %d, got %d %.300s", method, path, u, status, a.status, a.body)
	}
	s.clean(a.body)
	return a
}

// sourceRoot is where the source is: a path no answer should have.
var sourceRoot = func() string {
	folder, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		panic(err) // tests run in the folder of their package
	}
	return folder
}()

// clean fails when an answer shows what belongs to the inside.
func (s *site) clean(body []byte) {
	s.Helper()
	for _, inside := range []string{"goroutine ", ".go:", "SQLSTATE", "sqlite", "gorm", "pgx", "panic", secret, sourceRoot, "syntax error"} {
		if bytes.Contains(body, []byte(inside)) {
			s.Errorf("an answer shows %q: %.300s", inside, body)
		}
	}
}

// dial opens a connection over the transport of this pass.
func (s *site) dial(opts ...siotest.Option) *siotest.Client {
	s.Helper()
	s.sockets++
	return siotest.Dial(s.T, s.url, slices.Concat(s.socket, opts)...)
}

// tryDial is dial for connections that may be refused.
func (s *site) tryDial(opts ...siotest.Option) (*siotest.Client, *http.Response, error) {
	s.Helper()
	s.sockets++
	return siotest.TryDial(s.T, s.url, slices.Concat(s.socket, opts)...)
}

// join connects u to both namespaces.
func (s *site) join(u models.UserRef, opts ...siotest.Option) *siotest.Client {
	s.Helper()
	c := s.dial(opts...)
	c.Connect("/presence", token(u, time.Hour))
	c.Expect("/presence", "connection", siotest.Timeout) // on a busy machine it may take longer than /chat waits here
	c.Connect("/chat", token(u, time.Hour))
	c.Expect("/chat", "offlineMessages", siotest.Timeout)
	return c
}

type reply struct {
	Error      bool            `json:"error"`
	Message    string          `json:"message"`
	StatusCode int             `json:"statusCode"`
	Event      string          `json:"event"`
	Duplicate  bool            `json:"duplicate"`
	NextCursor string          `json:"nextCursor"`
	Data       json.RawMessage `json:"data"`

	whole []byte // all of it
}

// ask emits an event and returns its acknowledgement.
func (s *site) ask(c *siotest.Client, event, payload string) reply {
	s.Helper()
	b := c.EmitAck("/chat", event, json.RawMessage(payload), siotest.Timeout)
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		s.Errorf("%s: the acknowledgement is %s", event, b)
	}
	s.clean(b)
	r.whole = b
	return r
}

// wantAck fails unless an event is acknowledged with a status.
func (s *site) wantAck(status int, c *siotest.Client, event, payload string) reply {
	s.Helper()
	r := s.ask(c, event, payload)
	if r.StatusCode != status {
		s.Errorf("%s %.200s: expected %d, got %d %s", event, payload, status, r.StatusCode, r.Message)
	}
	return r
}

// refusedSocket connects with any auth payload and returns the status of the appError; the socket
// must have been given nothing else and be disconnected.
func (s *site) refusedSocket(nsp string, credentials any, opts ...siotest.Option) int {
	s.Helper()
	c := s.dial(opts...)
	defer c.Close()
	if _, err := c.TryConnect(nsp, credentials); err != nil {
		s.Errorf("%s: expected to be let in and refused there, got %v", nsp, err)
		return 0
	}
	var r reply
	_ = json.Unmarshal(c.Expect(nsp, "appError", siotest.Timeout), &r)
	c.ExpectDisconnect(nsp, siotest.Timeout)
	if events := c.Events(nsp); len(events) != 1 {
		s.Errorf("%s: a refused socket was sent %v", nsp, events)
	}
	return r.StatusCode
}

// open lets John write to Haven first; it returns the chat's and the message's id.
func (s *site) open(product, text string) (chatID, messageID string) {
	s.Helper()
	a := s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":%q,"recipientId":2,"text":%q,"productName":"Lamp"}`, product, text))
	chatID, _ = a.field("data.chatId").(string)
	messageID, _ = a.field("data.id").(string)
	if chatID == "" {
		s.Fatalf("no chat: %s", a.body)
	}
	return chatID, messageID
}

// until asks again and again, for at most siotest.Timeout, and returns the first answer that is not "".
func (s *site) until(what string, ask func() string) string {
	s.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(siotest.Timeout); time.Now().Before(end); <-tick.C {
		if answer := ask(); answer != "" {
			return answer
		}
	}
	s.Fatalf("there is no %s after %s", what, siotest.Timeout)
	return ""
}

// rows counts everything a refused attack must not add to.
func (s *site) rows() string {
	var out []string
	for _, table := range []string{"chats", "members", "messages", "attachments", "products", "blocks", "reports", "jobs", "revocations"} {
		var n int64
		if err := s.db.SQL().QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
			s.Fatal(err)
		}
		out = append(out, fmt.Sprintf("%s %d", table, n))
	}
	return strings.Join(out, ", ")
}
