// Package redistest gives a test a Redis of its own that it may stop, freeze and empty. A machine
// without redis-server fails the test with a sentence; nothing is skipped.
package redistest

import (
	"context"
	"net"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"chaffer/internal/porttest"
)

// Server is a private redis-server that keeps nothing on disk. It dies with the test, also with a
// test binary that is killed.
type Server struct {
	URL string
	tb  testing.TB
	dir string
	adr string
	cmd *exec.Cmd
}

// Start runs one on a free port.
func Start(tb testing.TB) *Server {
	tb.Helper()
	address := porttest.Address(tb)
	s := &Server{URL: "redis://" + address + "/0", tb: tb, dir: tb.TempDir(), adr: address}
	s.Run()
	tb.Cleanup(s.Kill)
	return s
}

// Run starts it at its address, empty, and waits until it answers.
func (s *Server) Run() {
	s.tb.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		s.tb.Fatal("redis-server is not installed: on Debian, apt-get install redis-server")
	}
	_, port, _ := net.SplitHostPort(s.adr)
	s.cmd = exec.Command(path, "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", s.dir)
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.cmd.Start(); err != nil {
		s.tb.Fatal(err)
	}
	c := s.Client()
	defer c.Close()
	for deadline := time.Now().Add(10 * time.Second); c.Ping(context.Background()).Err() != nil; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.tb.Fatal("the private Redis did not answer within 10 s")
		}
	}
}

// Kill ends it at once; nothing happens when it is not running.
func (s *Server) Kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // "signal: killed", as asked
	s.cmd = nil
}

// Freeze stops it answering, with its connections open; Thaw undoes it.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw lets a frozen one go on.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	if err := s.cmd.Process.Signal(sig); err != nil {
		s.tb.Errorf("signal Redis %s: %v", strconv.Itoa(int(sig)), err)
	}
}

// Client is a plain connection to it; the caller closes it.
func (s *Server) Client() *goredis.Client {
	return goredis.NewClient(&goredis.Options{Addr: s.adr, MaxRetries: -1})
}
