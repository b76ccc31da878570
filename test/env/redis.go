package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"chaffer/internal/porttest"
)

// holdRedis ends the server by its id when its own input closes, whatever became of us.
const holdRedis = `
redis-server --port "$1" --bind 127.0.0.1 --save "" --appendonly no --dir "$2" >"$2/log" 2>&1 </dev/null &
pid=$!
cat >/dev/null
kill $pid 2>/dev/null
wait $pid
rm -rf "$2"
`

// startRedis runs a private Redis that keeps nothing on disk.
func startRedis(ctx context.Context) (string, io.Closer, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return "", nil, errMissing
	}
	free, err := porttest.Take()
	if err != nil {
		return "", nil, err
	}
	port := strconv.Itoa(free)
	address := "127.0.0.1:" + port
	dir, err := os.MkdirTemp("", "chaffer-redis-")
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", holdRedis, "sh", port, dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	hold, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop := closer(func() error { hold.Close(); return cmd.Wait() })
	if err := answers(ctx, address); err != nil {
		stop.Close()
		return "", nil, err
	}
	return "redis://" + address + "/0", stop, nil
}

// answers waits until something accepts connections at the address.
func answers(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("nothing answered at %s within 30 s: %w", address, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
