package crash

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// Somebody with 10,000 messages: in chats of fifty, every other written by them.
const (
	chatsOfOne      = 200
	messagesOfAChat = 50
	written         = "canary of what was written"
)

var gone, admin = models.UserRef{Type: models.TypeCustomer, ID: "93"}, models.UserRef{Type: models.TypeAdmin, ID: "1"}

// seedMany writes their chats straight into the database, days old.
func seedMany(t *testing.T, d *db.DB, days int) {
	t.Helper()
	const numbers = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?), k(j) AS (SELECT 1 UNION ALL SELECT j + 1 FROM k WHERE j < ?) `
	id := func(text string) string {
		if d.Dialect == db.Postgres {
			return "CAST(" + text + " AS uuid)"
		}
		return text
	}
	const number = `SUBSTR(CAST(1000000000000 + i AS text), 2)`
	chat := id(`'00000000-0000-7000-8000-' || ` + number)
	message := id(`'00000000-0000-7000-9' || SUBSTR(CAST(1000 + j AS text), 2) || '-' || ` + number)
	at := db.Now().AddDate(0, 0, -days)
	run := func(sql string, args ...any) {
		if err := d.Exec(numbers+sql, args...).Error; err != nil {
			t.Fatal(err)
		}
	}
	run(`INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, product_name, last_seq, last_message_at, created_at, updated_at)
		SELECT `+chat+`, 'product', 'p', CAST(i AS text), '93', 'Lamp', ?, ?, ?, ? FROM n, k`, chatsOfOne, 1, messagesOfAChat, at, at, at)
	for _, side := range [][2]string{{"vendor", "CAST(i AS text)"}, {"customer", "'93'"}} {
		run(`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, read_seq, last_message_at, joined_at)
			SELECT `+chat+`, '`+side[0]+`', `+side[1]+`, ?, ?, ?, ?, ? FROM n, k`, chatsOfOne, 1, messagesOfAChat, messagesOfAChat, messagesOfAChat, at, at)
	}
	run(`INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, recipient_online, created_at, updated_at)
		SELECT `+chat+`, j, `+message+`, CASE WHEN j % 2 = 1 THEN 'customer' ELSE 'vendor' END, CASE WHEN j % 2 = 1 THEN '93' ELSE CAST(i AS text) END, ?, false, ?, ? FROM n, k`,
		chatsOfOne, messagesOfAChat, written, at, at)
}

// left counts the messages that still have their text, of a sender's kind or ("") of everybody.
func left(t *testing.T, d *db.DB, kind string) (n int) {
	t.Helper()
	if err := d.SQL().QueryRow("SELECT COUNT(*) FROM messages WHERE text <> '' AND (sender_type = $1 OR $1 = '')", kind).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// inTheMiddle kills the server when some are gone and some are not, and says how many were left.
func inTheMiddle(t *testing.T, n *node, count func() int, all int) int {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); count() == all; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing was erased within a minute")
		}
	}
	n.kill(t)
	rest := count()
	if rest == 0 || rest == all {
		t.Fatalf("the crash came too late: %d of %d are left", rest, all)
	}
	return rest
}

// within fails unless ok holds within a minute.
func within(t *testing.T, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for ; !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("%s: not within a minute", what)
		}
	}
	return time.Since(began).Round(time.Millisecond)
}

// askAdmin is a request of an admin; the caller closes the body.
func askAdmin(t *testing.T, n *node, method, path string) *http.Response {
	t.Helper()
	token, err := auth.Mint(secret, auth.Claims{User: admin}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, n.url+"/api/v1/admin/users/customer/93/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func open(t *testing.T, url string) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// TestKilledWhileErasing: somebody with 10,000 messages is exported and erased, and the server is
// killed in the middle of both. What began goes on by itself, and ends within a minute.
func TestKilledWhileErasing(t *testing.T) {
	durablePostgres(t)
	dbtest.Each(t, func(t *testing.T, url string) {
		n := newNode(t, url)
		d := open(t, url)
		seedMany(t, d, 1)
		all := chatsOfOne * messagesOfAChat

		part := cutExport(t, n)
		began := time.Now()
		whole := askAdmin(t, n, "GET", "export")
		b, err := io.ReadAll(whole.Body)
		_ = whole.Body.Close()
		if k := bytes.Count(b, []byte(`"kind":"message"`)); err != nil || k != all || bytes.Count(b, []byte(written)) != all || !bytes.Contains(b, fmt.Appendf(nil, `"kind":"end","messages":%d`, all)) {
			t.Errorf("exported: %d of %d messages, %v", k, all, err)
		}
		exported := time.Since(began).Round(time.Millisecond)
		goesOn(t, n, part, b)

		res := askAdmin(t, n, "POST", "erase")
		_ = res.Body.Close()
		if res.StatusCode != http.StatusAccepted {
			t.Fatalf("erase: %d", res.StatusCode)
		}
		count := func() int { return left(t, d, "customer") }
		when := inTheMiddle(t, n, count, all/2)
		// Whoever comes next waits until the one who has the job has been silent for half a minute.
		if err := d.Exec("UPDATE jobs SET updated_at = ? WHERE state = 'running'", time.Now().Add(-time.Hour).UTC()).Error; err != nil {
			t.Fatal(err)
		}
		n.start(t)
		took := within(t, "the erasure", func() bool {
			res := askAdmin(t, n, "GET", "erase")
			defer res.Body.Close()
			b, err := io.ReadAll(res.Body)
			return err == nil && strings.Contains(string(b), `"state":"done"`)
		})
		if mine, theirs := count(), left(t, d, "vendor"); mine != 0 || theirs != all/2 {
			t.Errorf("%d messages of the person are left, %d of %d of the others", mine, theirs, all/2)
		}
		var stones, places int
		if err := d.SQL().QueryRow("SELECT COUNT(deleted_at), COUNT(*) FROM messages").Scan(&stones, &places); err != nil || stones != all/2 || places != all {
			t.Errorf("%d tombstones, %d places: %v", stones, places, err)
		}
		t.Logf("export of %d messages: %s; killed with %d of %d left to erase, done %s after it was back", all, exported, when, all/2, took)
	})
}

// TestKilledWhileAging: the same for what is older than RETENTION_DAYS.
func TestKilledWhileAging(t *testing.T) {
	durablePostgres(t)
	dbtest.Each(t, func(t *testing.T, url string) {
		n := newNode(t, url)
		n.kill(t) // it has made the tables
		d := open(t, url)
		seedMany(t, d, 40)
		if err := d.Exec("UPDATE messages SET created_at = ? WHERE seq > 40", time.Now().UTC()).Error; err != nil {
			t.Fatal(err)
		}
		all, young := chatsOfOne*messagesOfAChat, chatsOfOne*(messagesOfAChat-40)
		n.env = append(n.env, "RETENTION_DAYS=30")
		n.cmd = exec.Command(binary, "serve") // not n.start: it begins before it is ready
		n.cmd.Env, n.cmd.Dir, n.cmd.Stdout, n.cmd.Stderr = n.env, t.TempDir(), n.log, n.log
		if err := n.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		count := func() int { return left(t, d, "") - young }
		when := inTheMiddle(t, n, count, all-young)
		n.start(t)
		took := within(t, "the retention", func() bool { return count() == 0 })
		t.Logf("killed with %d of %d left to erase, done %s after it was back; %d young ones stay", when, all-young, took, young)
	})
}
