package security

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"chaffer/internal/db/dbtest"
)

// What the suite gives away as secrets. "eyJhbGciOi" begins every token, and password is that of
// every account.
const (
	anyToken = "eyJhbGciOi"
	password = "a good password"
)

var (
	secrets    = []string{secret, serviceToken, anyToken, password}
	everything = append([]string{"canary-", "Name of customer", "Name of vendor"}, secrets...) // texts and names, too
)

// scanned counts what was looked through, for the evidence.
var scanned struct {
	sync.Mutex
	nodes               int
	logs, figures, news int    // bytes
	postgres            string // the file of its log
}

// noCanary fails when a text has one of the canaries.
func noCanary(t testing.TB, where, text string, canaries []string) {
	t.Helper()
	for _, bad := range canaries {
		if i := strings.Index(text, bad); i >= 0 {
			t.Errorf("%s has %q: …%.400s", where, bad, text[max(0, i-200):])
		}
	}
}

// scanNode looks through all that a node has logged and counted. The figures have to be fetched
// while it runs.
func scanNode(t testing.TB, log, figures string) {
	t.Helper()
	if !strings.Contains(figures, "chaffer_") || !strings.Contains(log, "level=") {
		t.Errorf("there is nothing to look through: %d bytes of log, %d of figures", len(log), len(figures))
	}
	noCanary(t, "the log", log, everything)
	noCanary(t, "/metrics", figures, everything)
	scanned.Lock()
	defer scanned.Unlock()
	scanned.nodes++
	scanned.logs += len(log)
	scanned.figures += len(figures)
}

// figures is what /metrics answers.
func figures(t testing.TB, address string) string {
	t.Helper()
	res, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Error(err)
		return ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Error(err)
	}
	return string(b)
}

// wire is every command that a Redis was given, as it writes them down itself.
type wire struct {
	journal
	conn net.Conn
}

// listenTo begins to write down what a Redis is given.
func listenTo(t testing.TB, address string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := io.WriteString(conn, "MONITOR\r\n"); err != nil {
		t.Fatal(err)
	}
	w := &wire{conn: conn}
	go func() { _, _ = io.Copy(w, conn) }()
	return w
}

// scanNews ends listening and looks through what the nodes told each other and kept in Redis. Texts
// are on the bus, sealed; secrets are not.
func (n *nodes) scanNews() {
	n.Helper()
	_ = n.heard.conn.Close()
	heard := n.heard.String()
	if !strings.Contains(heard, "the last word") {
		n.Errorf("the bus was not listened to: %d bytes", len(heard))
	}
	noCanary(n.T, "Redis", heard, secrets)
	scanned.Lock()
	defer scanned.Unlock()
	scanned.news += len(heard)
}

// TestPostgresLogIsAtHand finds the log of a Postgres that was started for the tests, which is looked
// through when all of them have run. It writes a line of its own, to be sure that it is the one.
func TestPostgresLogIsAtHand(t *testing.T) {
	s := start(t, dbtest.Postgres(t), map[string]string{})
	s.open("t91", "canary-of-postgres")
	if _, err := s.db.SQL().Exec("INSERT INTO no_such_table VALUES ($1)", "canary-of-postgres"); err == nil {
		t.Error("Postgres has a table of that name")
	}
	var data string
	if err := s.db.SQL().QueryRow("SHOW data_directory").Scan(&data); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(filepath.Dir(data), "log")
	b, err := os.ReadFile(log)
	if err != nil {
		t.Log("Postgres runs elsewhere, its log is not looked through: ", err)
		return
	}
	if !strings.Contains(string(b), "no_such_table") {
		t.Errorf("%s is not the log of our Postgres: %d bytes", log, len(b))
	}
	scanned.Lock()
	scanned.postgres = log
	scanned.Unlock()
}

// reportCanaries looks through the log of Postgres, when all tests have run, and enters what was
// looked through. Errors: what was found.
func reportCanaries(failed bool) error {
	scanned.Lock()
	defer scanned.Unlock()
	var found error
	log, _ := os.ReadFile(scanned.postgres)
	for _, bad := range append([]string{"canary-of"}, secrets...) {
		if i := strings.Index(string(log), bad); i >= 0 {
			found = errors.Join(found, fmt.Errorf("the log of Postgres has %q: …%.400s", bad, log[max(0, i-200):]))
		}
	}
	state, seen := "yes", fmt.Sprintf("%d nodes: no token, secret, password, text or name in %s of logs at every level and %s of figures; no token, secret or password in %s that Redis was given; none of it all in %s of the log of Postgres",
		scanned.nodes, size(scanned.logs), size(scanned.figures), size(scanned.news), size(len(log)))
	if failed || found != nil {
		state, seen = "FAILED", ""
	}
	for _, column := range columns {
		enter("T91", "the whole suite, looked through for canaries", column, state, seen)
	}
	return found
}

func size(bytes int) string { return fmt.Sprintf("%d KB", (bytes+1023)/1024) }
