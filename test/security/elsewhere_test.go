package security

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// elsewhere are rows that another test proves: because they need the inside of the service, or because they
// kill server processes, which test/crash does.
var elsewhere = []struct {
	number, name, how, pkg, test string
}{
	{"T72", "statements put together from what people write", inside, "internal", "TestStatementsAreConstants"},
	{"T84", "a full disk", inside, "internal/upload", "TestQuotaAndRoom"},
	{"T86", "one limit over three nodes", inside, "internal/limit", "TestThreeNodesCountTogether"},
	{"T93", "10,000 messages, the server killed in the middle of exporting and erasing: both go on, the export byte for byte", outside, "test/crash", "TestKilledWhileErasing"},
	{"T93", "10,000 messages older than RETENTION_DAYS, the server killed in the middle of erasing them: it goes on", outside, "test/crash", "TestKilledWhileAging"},
	{"T95", "modules below the versions known to be good", inside, "test/security", "TestPinsAreAtTheirFloors"},
	{"T95", "a bill of materials of the binary", inside, "cmd/chaffer", "TestVersionSBOM"},
}

// How another test proves a row.
const (
	inside  = "proved by"
	outside = "shown from outside, on real server processes, by"
)

// missing says openly what nothing here proves.
var missing = []string{
	"T53: two seconds in every run; once it was run with `-run TestAttacks/.*/T53 -idle 10m`, while other tests kept the machine busy: 22,191 messages over WebSocket and 22,210 over polling in ten minutes, both with SQLite, and nothing foreign was heard. `test/fault` counts foreign messages for as long as it is asked to.",
	"T67: a name forged in one foreign alphabet alone is not flagged, because it may be a name in that language (Вера); the catalogue's names are vouched for, others are marked as not verified.",
	"T76: with 100 connections at once on two cores, which clients and database share, the p99 is over 500 ms (see \"At full size\"); in every run 5,000 chats of three messages, ten of them of 303 (500 and two with SQLite), one connection; 1,000 messages each and 100 connections at once by `make size` only, see \"At full size\".",
	"T95: `govulncheck` asks an online database: it is to be run where that can be reached (see SECURITY.md).",
}

// The tests that the table names exist.
func TestElsewhereExists(t *testing.T) {
	for _, e := range elsewhere {
		files, err := filepath.Glob(filepath.Join("..", "..", e.pkg, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no tests in %s", e.number, e.pkg)
			continue
		}
		found := false
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			found = found || strings.Contains(string(b), "func "+e.test+"(")
		}
		if !found {
			t.Errorf("%s: there is no %s in %s", e.number, e.test, e.pkg)
		}
	}
}
