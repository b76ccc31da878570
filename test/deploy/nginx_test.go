package deploy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/porttest"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/redis/redistest"
	"chaffer/internal/server"
)

const secret = "deploy-secret-0123456789-0123456789-01234567"

func startNode(t *testing.T, database, redis string) (address string) {
	t.Helper()
	env := map[string]string{"DATABASE_URL": database, "REDIS_URL": redis, "JWT_SECRET": secret, "TRUSTED_PROXIES": "127.0.0.1"}
	cfg, err := config.Load(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	s, err := server.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, ln) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return ln.Addr().String()
}

// startNginx runs the configuration as it is, but for names and the port.
func startNginx(t *testing.T, node1, node2 string) (url string) {
	t.Helper()
	need := exec.Command(filepath.Join(root, "scripts", "need"), "nginx", "nginx-light")
	if out, err := need.CombinedOutput(); err != nil {
		t.Fatalf("nginx: %v: %s", err, out)
	}
	address := porttest.Address(t)
	dir := t.TempDir()
	conf := strings.NewReplacer("node1:3000", node1, "node2:3000", node2, "listen 8080;", "listen "+address+";").Replace(text(t, "deploy/nginx.conf"))
	conf = "daemon off; master_process off; pid " + dir + "/pid; error_log stderr;\n" +
		strings.Replace(conf, "http {", fmt.Sprintf("http { access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;", dir), 1)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("nginx", "-e", "stderr", "-p", dir, "-c", file)
	var log strings.Builder
	cmd.Stderr = &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // "signal: killed", as asked
	})
	url = "http://" + address
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if resp, err := http.Get(url + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return url
			}
		}
		if time.Now().After(deadline) {
			t.Fatal("nginx did not answer within 10 s")
		}
	}
}

func TestNginxCarriesEveryTransportToTwoNodes(t *testing.T) {
	database, redis := dbtest.Postgres(t), redistest.Start(t).URL
	url := startNginx(t, startNode(t, database, redis), startNode(t, database, redis))
	john, shop := token(t, models.TypeCustomer), token(t, models.TypeVendor)

	ws := siotest.Dial(t, url)
	ws.Connect("/presence", john)
	ws.Connect("/chat", john)
	ws.Expect("/chat", "offlineMessages", siotest.Timeout)

	poll := siotest.OpenPolling(t, url) // its requests must all find the same node
	poll.Connect("/presence", shop)
	poll.Connect("/chat", shop)
	poll.PollUntil(`42/chat,["offlineMessages"`)
	if b := ws.EmitAck("/chat", "sendMessage", map[string]any{"productId": "p", "recipientId": "2", "text": "through nginx"}, siotest.Timeout); !strings.Contains(string(b), `"statusCode":201`) {
		t.Fatalf("send: %s", b)
	}
	got := poll.PollUntil(`42/chat,["newChat"`)
	if !strings.Contains(strings.Join(got, ""), "through nginx") {
		t.Errorf("polling brought %q", got)
	}

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/chats", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+shop)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("REST through nginx: %s", resp.Status)
	}
	hidden, err := http.Get(url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	hidden.Body.Close()
	if hidden.StatusCode != http.StatusNotFound {
		t.Errorf("/metrics answers %s through nginx", hidden.Status)
	}
}

func token(t *testing.T, kind models.UserType) string {
	t.Helper()
	s, err := auth.Mint(secret, auth.Claims{User: models.UserRef{Type: kind, ID: "2"}}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
