package crash

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"chaffer/internal/porttest"
)

// binary is the real server, compiled once for all tests of this package.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "chaffer-crash-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "chaffer")
	cmd := exec.Command("go", "build", "-o", binary, "chaffer/cmd/chaffer")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "go build: %v: %s\n", err, out)
		return 1
	}
	return m.Run()
}

// node is one server process that can be killed and started again at the same address.
type node struct {
	url string
	env []string
	cmd *exec.Cmd
	log *tail
}

// tail keeps the last 8 KB a process wrote.
type tail struct {
	mu sync.Mutex
	b  []byte
}

func (l *tail) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b = append(l.b, p...)
	if over := len(l.b) - 8<<10; over > 0 {
		l.b = l.b[over:]
	}
	return len(p), nil
}

func (l *tail) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b)
}

const secret = "crash-secret-0123456789abcdefghijklmnop"

func newNode(t *testing.T, database string) *node {
	t.Helper()
	port := porttest.Port(t)
	n := &node{
		url: fmt.Sprintf("http://127.0.0.1:%d", port),
		env: append(os.Environ(), "HOST=127.0.0.1", fmt.Sprintf("PORT=%d", port), "DATABASE_URL="+database, "JWT_SECRET="+secret,
			"APP_ENV=development", "REDIS_URL=", "PRESENCE_GRACE=100ms",
			"LIMIT_SENDS_PER_SECOND=0", "LIMIT_SENDS_PER_MINUTE=0", "LIMIT_NEW_CHATS_PER_HOUR=0",
			"LIMIT_PACKETS_PER_SECOND=0", "LIMIT_CONNECTS_PER_MINUTE_PER_IP=0"),
		log: &tail{},
	}
	t.Cleanup(func() {
		if n.cmd != nil {
			n.kill(t)
		}
		if bytes.Contains(n.log.bytes(), []byte("panic:")) || t.Failed() {
			t.Errorf("the end of the server's log:\n%s", n.log.bytes())
		}
	})
	n.start(t)
	return n
}

// start runs the server and waits until it is ready.
func (n *node) start(t *testing.T) {
	t.Helper()
	n.cmd = exec.Command(binary, "serve")
	n.cmd.Env, n.cmd.Dir = n.env, t.TempDir()
	n.cmd.Stdout, n.cmd.Stderr = n.log, n.log
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for !n.ready(ctx) {
		select {
		case <-ctx.Done():
			t.Fatalf("the server was not ready within 20 s:\n%s", n.log.bytes())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (n *node) ready(ctx context.Context) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, n.url+"/readyz", nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// kill is SIGKILL: nothing is finished, flushed or said.
func (n *node) kill(t *testing.T) {
	t.Helper()
	if err := n.cmd.Process.Kill(); err != nil {
		t.Errorf("kill: %v", err)
	}
	_ = n.cmd.Wait() // "signal: killed", as asked
	n.cmd = nil
}
