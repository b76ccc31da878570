// Package pictures tests a whole node whose pictures are kept in an S3-compatible store: what comes
// and goes, and what happens while the store is away.
package pictures

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const bucket = "pictures"

// store is a private S3-compatible server (the command in test/s3), which may be killed and run again.
type store struct {
	t       *testing.T
	file    string
	address string // http://127.0.0.1:…, the same after every Run
	cmd     *exec.Cmd
	input   io.Closer
}

var binary string // of the command in test/s3

// TestMain builds the command, in its own module.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "chaffer-s3-")
	if err == nil {
		binary = filepath.Join(dir, "s3")
		build := exec.Command("go", "build", "-C", filepath.Join("..", "s3"), "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as scripts/check, which has it in Go's cache
		build.Stderr = os.Stderr
		err = build.Run()
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, "the store of test/s3 cannot be built:", err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// openStore runs one with an empty bucket.
func openStore(t *testing.T) *store {
	t.Helper()
	s := &store{t: t, file: filepath.Join(t.TempDir(), "bucket.db"), address: "http://127.0.0.1:0"}
	s.run()
	t.Cleanup(s.kill)
	return s
}

// run starts the server at its address with what it has kept, and waits until it answers.
func (s *store) run() {
	s.t.Helper()
	s.cmd = exec.Command(binary, "-file", s.file, "-bucket", bucket, "-listen", strings.TrimPrefix(s.address, "http://"))
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var err error
	if s.input, err = s.cmd.StdinPipe(); err != nil {
		s.t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n') // it listens by now
	if err != nil {
		s.t.Fatalf("the store did not start: %v", err)
	}
	s.address = strings.TrimSpace(line)
}

func (s *store) kill() {
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.input.Close()
	_ = s.cmd.Wait() // "signal: killed", as asked
	s.cmd = nil
}

// objects are the names of what is kept, sorted.
func (s *store) objects() []string {
	s.t.Helper()
	c, err := minio.New(strings.TrimPrefix(s.address, "http://"), &minio.Options{Creds: credentials.NewStaticV4("key", "secret", ""), BucketLookup: minio.BucketLookupPath})
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for o := range c.ListObjects(s.t.Context(), bucket, minio.ListObjectsOptions{Recursive: true}) {
		if o.Err != nil {
			s.t.Fatal(o.Err)
		}
		names = append(names, o.Key)
	}
	slices.Sort(names)
	return names
}

// until asks again until ok holds; it fails the test after the deadline.
func (s *store) until(what string, ok func() bool) {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("it did not come true that %s; there is %v", what, s.objects())
		}
	}
}
