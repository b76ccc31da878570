// Package pgserver starts a private Postgres for tests from the binaries installed on this
// machine: its own data directory, its own port on loopback, its own end.
package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/porttest"
)

// ErrMissing says that the machine has no Postgres server binaries.
var ErrMissing = errors.New("no Postgres server was found: install it (Debian: apt-get install postgresql) or set TEST_POSTGRES_URL to a superuser URL of an instance that tests may create databases in")

// Options of an instance.
type Options struct {
	Durable bool // fsync and synchronous_commit on, as in production; off is faster
	// Settings, each name=value, instead of a small cache and a small log.
	Settings []string
}

// Server is a running instance. It ends when Stop is called or when this process is gone,
// however it went: a small shell holds the server and waits for its standard input to close.
type Server struct {
	URL  string // superuser, database "postgres"
	PID  int    // of the postmaster
	Dir  string // data directory, socket and log; removed at the end
	hold io.Closer
	cmd  *exec.Cmd
}

// supervise runs the server in the background, waits for the end of its own input, then ends
// the server by its id, waits for it and removes the directory.
const supervise = `
dir=$1
shift
"$@" -D "$dir/data" -k "$dir" >>"$dir/log" 2>&1 </dev/null &
pid=$!
echo $pid
exec >/dev/null
cat >/dev/null
kill -INT $pid 2>/dev/null
wait $pid
rm -rf "$dir"
`

// Start makes a data directory and starts a server on it; it answers when the server accepts
// connections. Errors: ErrMissing, or a sentence with the end of the server's own log.
func Start(ctx context.Context, o Options) (*Server, error) {
	initdb, err := find("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := find("postgres")
	if err != nil {
		return nil, err
	}
	owner, err := unprivileged()
	if err != nil {
		return nil, err
	}
	// Somebody else can take the free port before the server binds it: try a few.
	for try := 0; ; try++ {
		dir, err := cluster(ctx, initdb, owner)
		if err != nil {
			return nil, err
		}
		s, err := launch(ctx, postgres, dir, owner, o)
		if err == nil || try == 3 || !errors.Is(err, errExited) {
			return s, err
		}
	}
}

// Stop ends the server, waits for it and removes its directory.
func (s *Server) Stop() error {
	s.hold.Close()
	return s.cmd.Wait()
}

var errExited = errors.New("the Postgres server ended while starting")

func cluster(ctx context.Context, initdb string, owner account) (dir string, err error) {
	if dir, err = os.MkdirTemp("", "chaffer-pg-"); err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, initdb, "-D", filepath.Join(dir, "data"), "-U", "postgres", "--auth=trust",
		"--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
	cmd.SysProcAttr, cmd.Dir = owner.attributes(), dir
	if err = owner.own(dir); err == nil {
		var out []byte
		if out, err = cmd.CombinedOutput(); err != nil {
			err = fmt.Errorf("initdb as user %s: %w: %s", owner.name, err, out)
		}
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}

func launch(ctx context.Context, postgres, dir string, owner account, o Options) (*Server, error) {
	port, err := porttest.Take()
	if err != nil {
		return nil, err
	}
	durable := "off"
	if o.Durable {
		durable = "on"
	}
	args := []string{"-c", supervise, "sh", dir, postgres, "-p", strconv.Itoa(port), "-h", "127.0.0.1"}
	settings := []string{"fsync=" + durable, "synchronous_commit=" + durable, "full_page_writes=" + durable, "max_connections=300", "logging_collector=off"}
	if o.Settings == nil {
		settings = append(settings, "shared_buffers=64MB", "max_wal_size=256MB")
	}
	for _, s := range append(settings, o.Settings...) {
		args = append(args, "-c", s)
	}
	cmd := exec.Command("/bin/sh", args...)
	cmd.SysProcAttr, cmd.Dir = owner.attributes(), dir
	hold, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &Server{
		URL:  fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port),
		Dir:  dir,
		hold: hold,
		cmd:  cmd,
	}
	if _, err := fmt.Fscan(out, &s.PID); err != nil {
		return nil, errors.Join(fmt.Errorf("the shell that holds Postgres: %w", err), s.Stop())
	}
	if err := s.ready(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

func (s *Server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL)
		if err == nil {
			return conn.Close(ctx)
		}
		if !alive(s.PID) {
			return fmt.Errorf("%w: %s", errExited, s.logEnd())
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("Postgres did not accept a connection within 30 s: %w: %s", err, s.logEnd())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *Server) logEnd() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}
