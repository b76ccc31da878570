package fault

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"chaffer/internal/porttest"
)

// points are the places at which a node can be made to kill itself, see internal/chat.
var points = []string{"before-commit", "after-commit", "before-publish", "in-flush"}

// node is one server process at a fixed address, started again and again.
type node struct {
	name    string
	url     string
	metrics string
	env     []string
	dir     string
	wrap    []string // a command in front of it
	redis   *cable   // its own way to Redis
	log     *scanned
	life    sync.Mutex // held by whoever ends and starts it

	mu       sync.Mutex
	cmd      *exec.Cmd
	expected bool // we ended it, or it is not up yet
	ended    chan struct{}
	point    string    // where it kills itself when it is told to
	surprise string    // how it ended without us
	frozen   time.Time // until when it was stopped last
}

// scanned looks for what must not be in a log, and keeps its end.
type scanned struct {
	mu     sync.Mutex
	end    []byte
	panics int
	leaks  int
}

var secrets = [][]byte{[]byte(secret), []byte("eyJhbGciOi"), []byte(canaryMark)}

func (l *scanned) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(p, []byte("panic")) || bytes.Contains(p, []byte("DATA RACE")) {
		l.panics++
	}
	for _, s := range secrets {
		if bytes.Contains(p, s) {
			l.leaks++
		}
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

// newNode starts a node; extra settings come last and win.
func newNode(t *testing.T, name, database string, redis *cable, extra ...string) *node {
	t.Helper()
	port, metrics := porttest.Port(t), porttest.Port(t)
	redisURL := ""
	if redis != nil {
		redisURL = "redis://" + redis.address() + "/0"
	}
	n := &node{
		name: name, url: fmt.Sprintf("127.0.0.1:%d", port), metrics: fmt.Sprintf("http://127.0.0.1:%d/metrics", metrics),
		dir: t.TempDir(), redis: redis, log: &scanned{},
		env: append(os.Environ(), "HOST=127.0.0.1", fmt.Sprintf("PORT=%d", port), fmt.Sprintf("METRICS_ADDR=127.0.0.1:%d", metrics),
			"DATABASE_URL="+database, "REDIS_URL="+redisURL, "JWT_SECRET="+secret, "APP_ENV=production", "DIALECTS=",
			"LIMIT_SENDS_PER_SECOND=0", "LIMIT_SENDS_PER_MINUTE=0", "LIMIT_NEW_CHATS_PER_HOUR=0", "LIMIT_PACKETS_PER_SECOND=0",
			"LIMIT_CONNECTS_PER_MINUTE_PER_IP=0", "LIMIT_CONNECTIONS_PER_IP=0", "LIMIT_SOCKETS_PER_USER=0"),
	}
	n.env = append(n.env, extra...)
	t.Cleanup(func() { _ = n.end(syscall.SIGKILL) })
	if err := n.start(); err != nil {
		t.Fatal(err)
	}
	return n
}

// start starts it and waits until it answers. One that ends before, because its database is away,
// is started again, as a supervisor does.
func (n *node) start() error {
	for deadline := time.Now().Add(60 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		err := n.try(deadline)
		if err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

func (n *node) try(deadline time.Time) error {
	point := points[rand.IntN(len(points))]
	line := append(n.wrap[:len(n.wrap):len(n.wrap)], binary, "serve")
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = append(n.env[:len(n.env):len(n.env)], "CHAFFER_FAULT="+point), n.dir, n.log, n.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	n.mu.Lock()
	n.cmd, n.expected, n.ended, n.point = cmd, true, ended, point
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
	for !answers(n.url, "/livez") {
		select {
		case <-ended:
			_, _, end := n.log.seen()
			return fmt.Errorf("%s ended while starting:\n%s", n.name, end)
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			_, _, end := n.log.seen()
			return fmt.Errorf("%s was not up in time:\n%s", n.name, end)
		}
	}
	n.mu.Lock()
	n.expected = false
	n.mu.Unlock()
	return nil
}

// end sends a signal and waits for the end.
func (n *node) end(sig syscall.Signal) error {
	n.mu.Lock()
	cmd, ended := n.cmd, n.ended
	n.expected = true
	n.mu.Unlock()
	if cmd == nil {
		return nil
	}
	_ = cmd.Process.Signal(syscall.SIGCONT)
	_ = cmd.Process.Signal(sig)
	return n.wait(cmd, ended, sig, 40*time.Second)
}

// endAtPoint lets it kill itself at its point, and does it when nothing passes there, though lure
// has been called. It returns the point, "" when it was killed from here.
func (n *node) endAtPoint(lure func(point string)) (string, error) {
	n.mu.Lock()
	cmd, ended, point := n.cmd, n.ended, n.point
	n.expected = true
	n.mu.Unlock()
	if cmd == nil {
		return "", nil
	}
	_ = cmd.Process.Signal(syscall.SIGUSR1)
	lure(point)
	select {
	case <-ended:
	case <-time.After(2 * time.Second):
		point = ""
		_ = cmd.Process.Kill()
	}
	return point, n.wait(cmd, ended, syscall.SIGKILL, 40*time.Second)
}

func (n *node) wait(cmd *exec.Cmd, ended chan struct{}, sig syscall.Signal, limit time.Duration) (err error) {
	select {
	case <-ended:
	case <-time.After(limit):
		err = errors.New(n.name + " did not end within " + limit.String() + " of " + sig.String())
		_ = cmd.Process.Kill()
		<-ended
	}
	n.mu.Lock()
	n.cmd = nil
	n.mu.Unlock()
	return err
}

func (n *node) signal(sig syscall.Signal) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(sig)
	}
}

func (n *node) pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}
