package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"chaffer/internal/porttest"
)

// process is one server of a variant.
type process struct {
	cmd  *exec.Cmd
	base string
	log  *os.File
}

// start runs the nth process of a variant and returns when it answers.
func (b *bench) start(ctx context.Context, v variant, n int, database, redis string) (*process, error) {
	port, err := porttest.Take()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(v.command[0], v.command[1:]...), base: "http://127.0.0.1:" + strconv.Itoa(port)}
	if p.log, err = os.Create(filepath.Join(b.dir, "server-"+strconv.Itoa(n)+".log")); err != nil {
		return nil, err
	}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = v.dir, p.log, p.log
	p.cmd.Env = append(os.Environ(), append([]string{"PORT=" + strconv.Itoa(port), "DATABASE_URL=" + database, "JWT_SECRET=" + secret, "REDIS_URL=" + redis}, v.env...)...)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	if err := untilUp(ctx, p.base); err != nil {
		return nil, p.stop(err)
	}
	return p, nil
}

// stop ends the process and returns the error of its run with the end of its log.
func (p *process) stop(err error) error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	ended := make(chan struct{})
	go func() { _ = p.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		_ = p.cmd.Process.Kill()
		<-ended
	}
	_ = p.log.Close()
	if err == nil {
		return nil
	}
	said, _ := os.ReadFile(p.log.Name())
	return fmt.Errorf("%w\n%s", err, said[max(0, len(said)-2000):])
}

func untilUp(ctx context.Context, base string) error {
	for deadline := time.Now().Add(60 * time.Second); ; {
		resp, err := http.Get(base + "/healthz")
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			return nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			return fmt.Errorf("the server did not come up: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// redisServer is a private Redis that keeps nothing.
type redisServer struct {
	url string
	cmd *exec.Cmd
}

func startRedis(ctx context.Context) (*redisServer, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("two nodes need a Redis: %w (on Debian, apt-get install redis-server)", err)
	}
	port, err := porttest.Take()
	if err != nil {
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(port)
	r := &redisServer{url: "redis://" + address + "/0", cmd: exec.Command(path, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")}
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return r, conn.Close()
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			r.stop()
			return nil, fmt.Errorf("the private Redis did not answer: %w", err)
		}
	}
}

func (r *redisServer) stop() {
	_ = r.cmd.Process.Kill()
	_ = r.cmd.Wait()
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %v: %w\n%s", name, args, err, out)
	}
	return nil
}

func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("run this inside the repository")
}
