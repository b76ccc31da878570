package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/porttest"
)

// cli runs the program in an empty directory with these settings alone.
func cli(t *testing.T, env map[string]string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	t.Chdir(t.TempDir())
	var out, errOut bytes.Buffer
	err = run(t.Context(), args, func(k string) (string, bool) { v, ok := env[k]; return v, ok }, &out, &errOut)
	return out.String(), errOut.String(), err
}

var production = map[string]string{"APP_ENV": "production", "JWT_SECRET": strings.Repeat("s", 32)}

func TestHelp(t *testing.T) {
	top, _, err := cli(t, nil, "--help")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands() {
		if !strings.Contains(top, "\n  "+c.name+" ") {
			t.Errorf("chaffer --help does not know %s", c.name)
		}
		out, errOut, err := cli(t, nil, c.name, "--help")
		if err != nil || errOut != "" || !strings.HasPrefix(out, "Usage: chaffer "+c.name) {
			t.Errorf("%s --help: %q %q %v", c.name, out, errOut, err)
		}
	}
}

func TestMistakesOnTheCommandLine(t *testing.T) {
	for want, args := range map[string][]string{
		`"serv" is not a command`:                      {"serv"},
		"not defined: -port":                           {"serve", "--port", "1"},
		`"now" is more than chaffer migrate takes`:     {"migrate", "now"},
		`--type is "": expected customer`:              {"token", "--id", "2"},
		`--type is "boss"`:                             {"token", "--type", "boss", "--id", "2"},
		"--id is missing":                              {"token", "--type", "admin"},
		"--ttl is -1s":                                 {"token", "--type", "admin", "--id", "2", "--ttl", "-1s"},
		`"a b" cannot be an id`:                        {"token", "--type", "admin", "--id", "a b"},
		`invalid value "x" for flag -ttl`:              {"token", "--ttl", "x"},
		"chaffer token --help explains the flags":      {"token", "--x"},
		"expected one of serve, migrate":               {""},
		"does not answer: is the service running with": {"healthcheck"},
	} {
		out, _, err := cli(t, map[string]string{"PORT": "1"}, args...)
		if err == nil || !strings.Contains(err.Error(), want) || out != "" {
			t.Errorf("%v: expected %q, got %v and %q", args, want, err, out)
		}
	}
}

func TestTokenPrintsATokenAndNothingElse(t *testing.T) {
	env := map[string]string{"JWT_ISSUER": "shop", "JWT_AUDIENCE": "chaffer", "JWT_CLAIM_ID": "uid", "JWT_CLAIM_TYPE": "kind"}
	out, errOut, err := cli(t, env, "token", "--type", "customer", "--id", "2", "--name", "John Doe", "--ttl", "1h")
	if err != nil || errOut != "" || strings.Count(out, "\n") != 1 || strings.ContainsAny(strings.TrimSuffix(out, "\n"), " \n") {
		t.Fatalf("%q %q %v", out, errOut, err)
	}
	v, err := auth.NewVerifier(t.Context(), auth.VerifierOptions{
		Secret: config.DevelopmentSecret, Issuer: "shop", Audience: "chaffer", ClaimID: "uid", ClaimType: "kind",
	})
	if err != nil {
		t.Fatal(err)
	}
	id, err := v.Verify(t.Context(), out)
	if left := time.Until(id.Expires); err != nil || id.User.String() != "customer:2" || id.Name != "John Doe" || left > time.Hour+auth.Leeway || left < 50*time.Minute {
		t.Errorf("the token says %+v, %v", id, err)
	}
	if out, _, err := cli(t, production, "token", "--type", "customer", "--id", "2"); err == nil || out != "" {
		t.Errorf("production signs tokens: %q", out)
	}
	if out, _, err := cli(t, map[string]string{"JWKS_URL": "https://x.example/jwks"}, "token", "--type", "customer", "--id", "2"); err == nil || out != "" {
		t.Errorf("signed without a secret: %q", out)
	}
}

func TestConfigMasksAndReadsDotEnv(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := "PORT=4000\nJWT_SECRET=from-the-file-canary-canary-canary\nHOST=127.0.0.2\n"
	if err := os.WriteFile(".env", []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	env := func(k string) (string, bool) { return "5000", k == "PORT" }
	if err := run(t.Context(), []string{"config"}, env, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if s := out.String(); !strings.Contains(s, "PORT=5000\n") || !strings.Contains(s, "HOST=127.0.0.2\n") || strings.Contains(s, "canary") {
		t.Errorf("the settings are\n%s", s)
	}
	if err := os.WriteFile(".env", []byte("A='canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"config"}, env, &out, io.Discard); err == nil || !strings.Contains(err.Error(), "expected lines such as PORT=3000") || strings.Contains(err.Error(), "canary") {
		t.Errorf("a broken .env: %v", err)
	}
	_, _, err := cli(t, map[string]string{"PORT": "x", "DIALECTS": "y"}, "config")
	var m config.Mistakes
	if !errors.As(err, &m) || len(m) != 2 {
		t.Errorf("two mistakes: %v", err)
	}
}

func TestMigrateTellsWhatItDid(t *testing.T) {
	file := filepath.Join(t.TempDir(), "new", "chaffer.db")
	env := map[string]string{"DATABASE_URL": "sqlite://" + file}
	if out, _, err := cli(t, env, "migrate"); err != nil || !strings.Contains(out, "Applied 0001_init.sql") {
		t.Errorf("the first time: %q %v", out, err)
	}
	if out, _, err := cli(t, env, "migrate"); err != nil || !strings.Contains(out, "nothing to do") {
		t.Errorf("the second time: %q %v", out, err)
	}
}

func TestDemoFillsOnce(t *testing.T) {
	env := map[string]string{"DATABASE_URL": "sqlite://" + filepath.Join(t.TempDir(), "c.db")}
	for range 2 {
		if out, _, err := cli(t, env, "demo"); err != nil || !strings.Contains(out, "Demo data is in place: 9 products, 14 chats") {
			t.Errorf("demo: %q %v", out, err)
		}
	}
	if _, _, err := cli(t, production, "demo"); err == nil || !strings.Contains(err.Error(), "production") {
		t.Errorf("in production: %v", err)
	}
}

func TestDescriptionsAreJSON(t *testing.T) {
	for _, name := range []string{"openapi", "asyncapi"} {
		out, errOut, err := cli(t, nil, name)
		if err != nil || errOut != "" || !json.Valid([]byte(out)) {
			t.Errorf("%s: %v %q", name, err, errOut)
		}
	}
	if out, _, err := cli(t, nil, "version"); err != nil || !strings.HasPrefix(out, "chaffer dev") {
		t.Errorf("version: %q %v", out, err)
	}
}

// node is `chaffer serve` in this process, on a free port.
type node struct {
	env    map[string]string
	base   string
	stop   func() error
	output *syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func start(t *testing.T, args ...string) *node {
	t.Helper()
	t.Chdir(t.TempDir())
	port := strconv.Itoa(porttest.Port(t))
	n := &node{base: "http://127.0.0.1:" + port, output: &syncBuffer{}, env: map[string]string{
		"PORT": port, "DATABASE_URL": "sqlite://" + filepath.Join(t.TempDir(), "c.db"), "SERVICE_TOKENS": "service",
	}}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, n.getenv, n.output, n.output) }()
	var once sync.Once
	var result error
	n.stop = func() error {
		once.Do(func() {
			cancel()
			select {
			case result = <-ended:
			case <-time.After(20 * time.Second):
				result = errors.New("did not stop within 20 s")
			}
		})
		return result
	}
	t.Cleanup(func() { _ = n.stop() })
	deadline := time.After(20 * time.Second)
	for {
		var out bytes.Buffer
		if run(t.Context(), []string{"healthcheck"}, n.getenv, &out, io.Discard) == nil {
			return n
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("it ended: %v\n%s", err, n.output)
		case <-deadline:
			t.Fatalf("it was not ready within 20 s\n%s", n.output)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (n *node) getenv(k string) (string, bool) { v, ok := n.env[k]; return v, ok }

// The service through its front door: the settings, the guards and the routes belong together.
func TestServe(t *testing.T) {
	n := start(t)
	welcome := n.output.String()
	_, after, _ := strings.Cut(welcome, "Authorization: Bearer ")
	admin, _, found := strings.Cut(after, `"`)
	if !found || !strings.Contains(welcome, n.base+"/docs") {
		t.Fatalf("the welcome is\n%s", welcome)
	}
	customer, _, err := cli(t, n.env, "token", "--type", "customer", "--id", "2", "--name", "John Doe")
	if err != nil {
		t.Fatal(err)
	}
	customer = strings.TrimSpace(customer)
	for _, c := range []struct {
		method, path, token, origin, body string
		status                            int
	}{
		{"GET", "/livez", "", "", "", 200}, {"GET", "/readyz", "", "", "", 200}, {"GET", "/version", "", "", "", 200},
		{"GET", "/docs/", "", "", "", 200}, {"GET", "/openapi.json", "", "", "", 200}, {"GET", "/asyncapi.json", "", "", "", 200},
		{"GET", "/metrics", "", "", "", 404}, {"GET", "/debug/pprof/", "", "", "", 404},
		{"GET", "/api/v1/chats", "", "", "", 401},
		{"GET", "/api/v1/chats", customer, "", "", 200},
		{"GET", "/api/v1/chats", customer, "http://localhost:5173", "", 200},
		{"GET", "/api/v1/chats", customer, "https://evil.example", "", 403},
		{"GET", "/api/v1/admin/stats", customer, "", "", 403},
		{"GET", "/api/v1/admin/stats", admin, "", "", 200},
		{"POST", "/api/v1/admin/stats", admin, "", "", 405},
		{"PUT", "/api/v1/products/1", customer, "", `{}`, 401},
		{"PUT", "/api/v1/products/1", "service", "", `{"name":"Lamp","price":"20","currency":"EUR","imageUrl":"https://x.example/l.png","vendorId":7,"storeName":"Lights"}`, 201},
		{"POST", "/api/v1/chats/messages", customer, "", `{"productId":"1","recipientId":8,"text":"Hello"}`, 400},
		{"POST", "/api/v1/chats/messages", customer, "", `{"productId":"1","recipientId":7,"text":"Hello"}`, 201},
		{"GET", "/nothing", "", "", "", 404},
	} {
		res, body := n.call(t, c.method, c.path, c.token, c.origin, c.body)
		if res.StatusCode != c.status {
			t.Errorf("%s %s: expected %d, got %d %.300s", c.method, c.path, c.status, res.StatusCode, body)
		}
		if allowed := res.Header.Get("Access-Control-Allow-Origin"); c.origin == "" && allowed != "" || c.status == 403 && allowed != "" {
			t.Errorf("%s %s for %q allows %q", c.method, c.path, c.origin, allowed)
		}
	}
	_, chats := n.call(t, "GET", "/api/v1/chats", customer, "", "")
	if s := string(chats); !strings.Contains(s, `"productVerified":true`) || !strings.Contains(s, `"storeName":"Lights"`) || !strings.Contains(s, `"customerName":"John Doe"`) {
		t.Errorf("the chat does not carry the catalogue's card: %s", s)
	}

	_, _, err = cli(t, n.env, "serve")
	if err == nil || !strings.Contains(err.Error(), "is taken on 127.0.0.1") || strings.Contains(err.Error(), "\n") {
		t.Errorf("a second node on the same port: %v", err)
	}
	if err := n.stop(); err != nil {
		t.Errorf("stopping: %v", err)
	}
	if log := n.output.String(); !strings.Contains(log, "The service has stopped") || strings.Contains(strings.Replace(log, welcome, "", 1), customer) {
		t.Errorf("the log is\n%s", log)
	}
	if _, err := http.Get(n.base + "/livez"); err == nil {
		t.Error("it still answers")
	}
}

func (n *node) call(t *testing.T, method, path, token, origin, body string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequest(method, n.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, b
}

func TestServeRefusesToStart(t *testing.T) {
	for want, env := range map[string]map[string]string{
		"JWT_SECRET is not set":      {"APP_ENV": "production"},
		"not an address of this":     {"HOST": "192.0.2.1"},
		"JWT_PUBLIC_KEY cannot be":   {"JWT_PUBLIC_KEY": "-----BEGIN NOTHING-----\nAAAA\n-----END NOTHING-----"},
		"cannot reach the database":  {"DATABASE_URL": fmt.Sprintf("postgres://nobody@127.0.0.1:%d/x?sslmode=disable", porttest.Port(t))},
		"the SQLite database: mkdir": {"DATABASE_URL": "sqlite:///dev/null/x.db"},
	} {
		if env["PORT"] == "" {
			env["PORT"] = "0"
		}
		if env["DATABASE_URL"] == "" {
			env["DATABASE_URL"] = "sqlite://" + filepath.Join(t.TempDir(), "c.db")
		}
		_, _, err := cli(t, env, "serve")
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q, got %v", want, err)
		}
	}
}
