// Command env gives tests their services: a private Postgres, and Redis when asked, for as long
// as one command runs.
//
//	env [-redis] [--] command [argument ...]
//
// The command sees TEST_POSTGRES_URL (a superuser's URL; data is flushed as in production) and
// TEST_REDIS_URL. Addresses that are set already are used as they are. Otherwise the servers
// come from the binaries on this machine, else from Debian's packages when we may install
// them, else from Docker Compose. Whatever was started is ended by its id, also on Ctrl-C.
// The exit status is the command's.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	redis := flag.Bool("redis", false, "start Redis as well")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: scripts/services [-redis] [--] command [argument ...]")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	// Ctrl-C reaches the command too: we stay, see it end, and clean up after it.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, *redis, flag.Args())
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(max(exit.ExitCode(), 1))
	case err != nil:
		fmt.Fprintln(os.Stderr, "services:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, redis bool, argv []string) (err error) {
	need := []service{postgres}
	if redis {
		need = append(need, redisServer)
	}
	var started []io.Closer
	defer func() {
		for _, s := range started {
			err = errors.Join(err, s.Close())
		}
	}()
	for _, s := range need {
		if os.Getenv(s.variable) != "" {
			continue
		}
		url, closer, err := s.obtain(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		started = append(started, closer)
		if err := os.Setenv(s.variable, url); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 20 * time.Second
	return cmd.Run()
}
