package fault

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest/pgserver"
)

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
func (d *database) kill() { d.signal(syscall.SIGKILL) }

// up reports whether it accepts connections.
func (d *database) up() bool {
	conn, err := pgx.Connect(context.Background(), d.direct)
	if err != nil {
		return false
	}
	_ = conn.Close(context.Background())
	return true
}

// quit is an immediate stop: nothing is finished, the log is replayed at the next start.
func (d *database) quit() { d.signal(syscall.SIGQUIT) }

func (d *database) signal(sig syscall.Signal) {
	if d.cmd != nil {
		_ = d.cmd.Process.Signal(sig)
		<-d.ended
		return
	}
	_ = syscall.Kill(d.server.PID, sig)
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
