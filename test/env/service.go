package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"chaffer/internal/db/dbtest/pgserver"
)

// service is one server tests need, and the ways to get it.
type service struct {
	name     string
	variable string // the environment variable that carries its URL
	debian   string // package that has its binaries
	start    func(ctx context.Context) (url string, stop io.Closer, err error)
	compose  composed
}

// errMissing says that the binaries are not on this machine.
var errMissing = errors.New("is not installed")

var postgres = service{
	name: "Postgres", variable: "TEST_POSTGRES_URL", debian: "postgresql",
	start: func(ctx context.Context) (string, io.Closer, error) {
		s, err := pgserver.Start(ctx, pgserver.Options{Durable: true})
		if errors.Is(err, pgserver.ErrMissing) {
			return "", nil, errMissing
		}
		if err != nil {
			return "", nil, err
		}
		return s.URL, closer(s.Stop), nil
	},
	compose: composed{service: "postgres", port: "5432", url: "postgres://postgres:postgres@%s/postgres?sslmode=disable"},
}

var redisServer = service{
	name: "Redis", variable: "TEST_REDIS_URL", debian: "redis-server",
	start:   startRedis,
	compose: composed{service: "redis", port: "6379", url: "redis://%s/0"},
}

// obtain starts the server from what is installed, else installs it, else asks Docker.
func (s service) obtain(ctx context.Context) (string, io.Closer, error) {
	url, stop, err := s.start(ctx)
	if !errors.Is(err, errMissing) {
		return url, stop, err
	}
	installed := install(ctx, s.debian)
	if installed == nil {
		return s.start(ctx)
	}
	url, stop, docker := s.compose.up(ctx)
	if docker == nil {
		return url, stop, nil
	}
	return "", nil, fmt.Errorf("not installed here, and neither way to get it worked: Debian package %s (%w), Docker Compose (%w); install it, or set %s",
		s.debian, installed, docker, s.variable)
}

// install puts a Debian package on this machine; only root may.
func install(ctx context.Context, name string) error {
	if os.Geteuid() != 0 {
		return errors.New("we are not root")
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "services: installing Debian's %s\n", name)
	for _, args := range [][]string{{"update", "-qq"}, {"install", "-qq", "-y", "--no-install-recommends", name}} {
		cmd := exec.CommandContext(ctx, "apt-get", args...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("apt-get %s: %w", args[0], err)
		}
	}
	return nil
}

// closer makes an io.Closer of a function.
type closer func() error

func (c closer) Close() error { return c() }
