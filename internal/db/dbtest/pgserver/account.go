package pgserver

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// account is who the server runs as: Postgres refuses to run as root.
type account struct {
	name     string
	uid, gid int
	change   bool // false: this process's own user
}

func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{name: "of this process"}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return account{}, fmt.Errorf("user %s: %w", name, err)
		}
		return account{name: name, uid: uid, gid: gid, change: true}, nil
	}
	return account{}, errors.New("Postgres refuses to run as root and there is no user postgres or nobody to run it as: run the tests as another user")
}

func (a account) own(dir string) error {
	if !a.change {
		return nil
	}
	return os.Chown(dir, a.uid, a.gid)
}

// attributes puts the child in a process group of its own, so that Ctrl-C reaches only us and
// the end comes in order.
func (a account) attributes() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if a.change {
		attr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return attr
}

// find looks on PATH, then where Debian, Red Hat and Homebrew put server binaries.
func find(binary string) (string, error) {
	if path, err := exec.LookPath(binary); err == nil {
		return path, nil
	}
	var found []string
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/", "/usr/pgsql-*/bin/", "/opt/homebrew/opt/postgresql*/bin/", "/usr/local/opt/postgresql*/bin/"} {
		matches, err := filepath.Glob(pattern + binary)
		if err != nil {
			return "", err
		}
		found = append(found, matches...)
	}
	if len(found) == 0 {
		return "", ErrMissing
	}
	slices.Sort(found)
	return found[len(found)-1], nil
}

func alive(pid int) bool {
	return pid > 0 && !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH)
}
