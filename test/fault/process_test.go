package fault

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest/pgserver"
	"chaffer/internal/redis/redistest"
)

const secret = "fault-secret-0123456789abcdefghijklmnop"

var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "chaffer-fault-")
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

// node is one server process at a fixed address.
type node struct {
	name    string
	url     string
	metrics string
	env     []string
	redis   *cable // its own way to Redis
	log     *scanned

	mu       sync.Mutex
	cmd      *exec.Cmd
	expected bool // we ended it
	ended    chan struct{}
	surprise string // how it ended without us
}

// scanned looks for what must not be in a log, and keeps its end.
type scanned struct {
	mu     sync.Mutex
	end    []byte
	panics int
	leaks  int
}

var secrets = regexp.MustCompile(secret + `|eyJhbGciOi|` + canaryMark)

func (l *scanned) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(p, []byte("panic")) || bytes.Contains(p, []byte("DATA RACE")) {
		l.panics++
	}
	if secrets.Match(p) {
		l.leaks++
	}
	l.end = append(l.end, p...)
	if over := len(l.end) - 16<<10; over > 0 {
		l.end = l.end[over:]
	}
	return len(p), nil
}

// seen is what has been found so far, and the end of the log.
func (l *scanned) seen() (panics, leaks int, end string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.panics, l.leaks, string(l.end)
}

func newNode(t *testing.T, name, database string, redis *cable) *node {
	t.Helper()
	port, metrics := freePort(t), freePort(t)
	redisURL := ""
	if redis != nil {
		redisURL = "redis://" + redis.address() + "/0"
	}
	n := &node{
		name: name, url: fmt.Sprintf("127.0.0.1:%d", port), metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics), redis: redis, log: &scanned{},
		env: append(os.Environ(), "HOST=127.0.0.1", fmt.Sprintf("PORT=%d", port), fmt.Sprintf("METRICS_ADDR=127.0.0.1:%d", metrics),
			"DATABASE_URL="+database, "REDIS_URL="+redisURL, "JWT_SECRET="+secret, "APP_ENV=production", "DIALECTS=",
			"LIMIT_SENDS_PER_SECOND=0", "LIMIT_SENDS_PER_MINUTE=0", "LIMIT_NEW_CHATS_PER_HOUR=0", "LIMIT_PACKETS_PER_SECOND=0",
			"LIMIT_CONNECTS_PER_MINUTE_PER_IP=0", "LIMIT_CONNECTIONS_PER_IP=0", "LIMIT_SOCKETS_PER_USER=0"),
	}
	t.Cleanup(func() { n.end(t, syscall.SIGKILL) })
	n.start(t)
	return n
}

func (n *node) start(t *testing.T) {
	t.Helper()
	cmd := exec.Command(binary, "serve")
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = n.env, t.TempDir(), n.log, n.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	n.mu.Lock()
	n.cmd, n.expected, n.ended = cmd, false, ended
	n.mu.Unlock()
	go func() {
		err := cmd.Wait()
		n.mu.Lock()
		if !n.expected {
			n.surprise = fmt.Sprintf("%s ended by itself: %v", n.name, err)
		}
		n.mu.Unlock()
		close(ended)
	}()
	deadline := time.Now().Add(30 * time.Second)
	for !answers(n.url, "/livez") {
		if time.Now().After(deadline) {
			_, _, end := n.log.seen()
			t.Fatalf("%s was not up within 30 s:\n%s", n.name, end)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// end sends a signal and waits for the end.
func (n *node) end(t *testing.T, sig syscall.Signal) {
	n.mu.Lock()
	cmd, ended := n.cmd, n.ended
	n.expected = true
	n.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Signal(sig)
	select {
	case <-ended:
	case <-time.After(40 * time.Second):
		t.Errorf("%s did not end within 40 s of %v", n.name, sig)
		_ = cmd.Process.Kill()
		<-ended
	}
	n.mu.Lock()
	n.cmd = nil
	n.mu.Unlock()
}

func (n *node) signal(sig syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(sig)
	}
}

func answers(address, path string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
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

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// database is a Postgres of our own that flushes, and can be killed and started again.
type database struct {
	server  *pgserver.Server
	cable   *cable // the nodes' way to it
	direct  string // URL of the database, past the cable
	through string
	cmd     *exec.Cmd       // after the first restart
	ended   <-chan struct{} // closed when cmd has ended: start's goroutine alone waits for it
}

func newDatabase(t *testing.T) *database {
	t.Helper()
	s, err := pgserver.Start(t.Context(), pgserver.Options{Durable: true})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	d := &database{server: s, cable: newCable(t, u.Host), direct: s.URL}
	t.Cleanup(func() {
		if d.cmd != nil {
			_ = d.cmd.Process.Signal(syscall.SIGQUIT)
			<-d.ended
		}
		_ = s.Stop()
	})
	u.Host = d.cable.address()
	d.through = u.String()
	return d
}

// kill is kill -9 of the postmaster; start waits for its children and starts it again.
func (d *database) kill() {
	if d.cmd != nil {
		_ = d.cmd.Process.Kill()
		<-d.ended
		return
	}
	_ = syscall.Kill(d.server.PID, syscall.SIGKILL)
}

func (d *database) start(t *testing.T) {
	t.Helper()
	u, _ := url.Parse(d.direct)
	data := filepath.Join(d.server.Dir, "data")
	info, err := os.Stat(data)
	if err != nil {
		t.Fatal(err)
	}
	owner := info.Sys().(*syscall.Stat_t)
	path, err := exec.LookPath("postgres")
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(60 * time.Second); ; {
		cmd := exec.Command(path, "-D", data, "-k", d.server.Dir, "-p", u.Port(), "-h", "127.0.0.1", "-c", "fsync=on",
			"-c", "synchronous_commit=on", "-c", "full_page_writes=on", "-c", "max_connections=300", "-c", "logging_collector=off")
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
		if os.Geteuid() == 0 {
			cmd.SysProcAttr.Credential = &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}
		}
		cmd.Dir = d.server.Dir
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = cmd.Wait(); close(ended) }()
		for {
			conn, err := pgx.Connect(context.Background(), d.direct)
			if err == nil {
				_ = conn.Close(context.Background())
				d.cmd, d.ended = cmd, ended
				return
			}
			select {
			case <-ended: // the children of the killed one are not gone yet
			case <-time.After(50 * time.Millisecond):
				if time.Now().Before(deadline) {
					continue
				}
				t.Fatalf("Postgres was not back within 60 s: %v", err)
			}
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("Postgres could not be started again within 60 s")
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// world is everything that runs.
type world struct {
	t     *testing.T
	db    *database
	redis *redistest.Server
	nodes []*node
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, db: newDatabase(t), redis: redistest.Start(t)}
	u, err := url.Parse(w.redis.URL)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		w.nodes = append(w.nodes, newNode(t, "node "+strconv.Itoa(i+1), w.db.through, newCable(t, u.Host)))
	}
	return w
}
