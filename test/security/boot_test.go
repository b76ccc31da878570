package security

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"chaffer/config"
	"chaffer/internal/porttest"
)

// builds is where the real server is compiled, once for all tests; TestMain removes it.
var builds struct {
	once   sync.Once
	folder string
	out    []byte
	err    error
}

// buildBinary compiles the real server.
func buildBinary(t *testing.T) string {
	t.Helper()
	builds.once.Do(func() {
		if builds.folder, builds.err = os.MkdirTemp("", "chaffer-security-*"); builds.err == nil {
			builds.out, builds.err = exec.Command("go", "build", "-o", filepath.Join(builds.folder, "chaffer"), "chaffer/cmd/chaffer").CombinedOutput()
		}
	})
	if builds.err != nil {
		t.Fatalf("go build: %v: %s", builds.err, builds.out)
	}
	return filepath.Join(builds.folder, "chaffer")
}

// boot is one wrong setting and what the refusal must speak of.
type boot struct{ key, value, says string }

// TestBootRefuses starts the real server in production with one bad setting at a time: it must end by itself, not with
// 0, say in a sentence what is wrong, and show neither a stack nor the secret.
func TestBootRefuses(t *testing.T) {
	good := strings.Repeat("k", 32)
	binary := buildBinary(t)
	for _, row := range []struct {
		number, name string
		boots        []boot
	}{
		{"T14", "weak secrets in production, the real server", []boot{
			{"JWT_SECRET", "", "JWT_SECRET is not set"}, {"JWT_SECRET", good[1:], "31 bytes"}, {"JWT_SECRET", config.DevelopmentSecret, "everybody knows"},
			{"JWT_PUBLIC_KEY", shopPEM, "expected exactly one"}, {"JWKS_URL", "https://a.example/jwks", "expected exactly one"}, {"SERVICE_TOKENS", good + ",short", "number 2"},
		}},
		{"T96", "unsafe settings in production, the real server", []boot{
			{"DEBUG", "*", "DEBUG is set"}, {"DATABASE_URL", "postgres://u:p@db.example/x?sslmode=disable", "sslmode"}, {"DATABASE_URL", "sqlite://x.db?_pragma=synchronous(OFF)", "durability"},
			{"DATABASE_URL", "postgres://u@localhost/x?options=-c%20synchronous_commit%3Doff", "durability"}, {"ALLOWED_ORIGINS", "https://a.example,*", "ALLOWED_ORIGINS"}, {"REDIS_URL", "redis://cache.example:6379", "no password"},
		}},
	} {
		t.Run(row.number, func(t *testing.T) {
			defer func() {
				report(t, row.number, row.name, onSQLite, fmt.Sprintf("%d bad settings: it ends by itself, not with 0, and says in a sentence which", len(row.boots)))
			}()
			for _, b := range row.boots {
				refusesToStart(t, binary, b, good)
			}
		})
	}
	t.Run("good settings", func(t *testing.T) {
		address, _ := run(t, binary, map[string]string{"APP_ENV": "production", "JWT_SECRET": good, "ALLOWED_ORIGINS": "https://shop.example"})
		res, err := http.Get(address + "/livez")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("the settings that only lack the mistake do not work: %v", err)
		}
		_ = res.Body.Close()
	})
}

func refusesToStart(t *testing.T, binary string, b boot, secret string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	_, port, err := net.SplitHostPort(porttest.Address(t))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, binary, "serve")
	cmd.Dir = t.TempDir()
	cmd.Env = environment(map[string]string{"APP_ENV": "production", "HOST": "127.0.0.1", "PORT": port, "JWT_SECRET": secret, "ALLOWED_ORIGINS": "https://shop.example", b.key: b.value})
	out, err := cmd.CombinedOutput()
	told := string(out)
	switch {
	case ctx.Err() != nil:
		t.Errorf("%s=%.40s: it runs", b.key, b.value)
	case err == nil:
		t.Errorf("%s=%.40s: it ends with 0: %s", b.key, b.value, told)
	case !strings.Contains(told, b.says):
		t.Errorf("%s=%.40s: it does not say %q: %s", b.key, b.value, b.says, told)
	case strings.Contains(told, "goroutine ") || strings.Contains(told, "panic") || strings.Contains(told, secret):
		t.Errorf("%s=%.40s: it shows what it should not: %s", b.key, b.value, told)
	}
}

// environment is nothing but these settings: what the machine has set must not help or harm.
func environment(settings map[string]string) []string {
	var out []string
	for key, value := range settings {
		if value != "" {
			out = append(out, key+"="+value)
		}
	}
	return out
}

// run starts the real server until the test ends; it says where it listens and what its process is.
func run(t *testing.T, binary string, settings map[string]string) (address string, pid int) {
	t.Helper()
	host := porttest.Address(t)
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	settings["HOST"], settings["PORT"] = "127.0.0.1", port
	cmd := exec.Command(binary, "serve")
	cmd.Dir, cmd.Env = t.TempDir(), environment(settings)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + host + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return "http://" + host, cmd.Process.Pid
			}
		}
		if time.Now().After(end) {
			t.Fatal("the server was not ready within 30 s")
		}
	}
}
