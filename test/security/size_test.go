//go:build figures

package security

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/realtime/siotest"
)

// Run by `make size`: it takes minutes and several gigabytes, which is why it is no part of `make test`.
var sizeEvidence = flag.String("size-evidence", "", "write the figures of TestT76AtSize into this file; the rest of the file stays")

const (
	sizeChats   = 5000
	sizeClients = 100
	sizeTitle   = "## At full size"
)

// TestT76AtSize: somebody with 5,000 chats of 1,000 messages each (200 with SQLite) connects with a hundred sockets at
// once to a server of its own process. No emit is over 256 KB and every list is right; the times are written down.
func TestT76AtSize(t *testing.T) {
	var lines []string
	for _, c := range []struct {
		name     string
		url      func(testing.TB) string
		messages int
	}{{"Postgres", dbtest.Postgres, 1000}, {"SQLite", dbtest.SQLite, 200}} {
		t.Run(c.name, func(t *testing.T) {
			url := c.url(t)
			address, pid := run(t, buildBinary(t), map[string]string{
				"DATABASE_URL": url, "JWT_SECRET": secret, "JWT_ISSUER": "shop", "JWT_AUDIENCE": "chaffer", "LIMIT_SOCKETS_PER_USER": "0", "LIMIT_CONNECTS_PER_MINUTE_PER_IP": "0",
			})
			took := fill(t, url, c.messages)
			t.Logf("%d messages written in %s", sizeChats*c.messages, took)
			lines = append(lines, storm(t, c.name, address, pid, c.messages))
			t.Log(lines[len(lines)-1])
		})
	}
	if *sizeEvidence != "" && !t.Failed() {
		writeSize(t, lines)
	}
}

// fill writes Haven's chats straight into the database: all received, the last ten of each not read.
func fill(t *testing.T, url string, messages int) time.Duration {
	t.Helper()
	began := time.Now()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	conn, err := d.SQL().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	run := func(sql string) {
		t.Helper()
		if _, err := conn.ExecContext(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	numbers, hex, at := "generate_series(1, %d)", "CAST('00000000-0000-7000-8000-' || lpad(to_hex(%s), 12, '0') AS uuid)", "now() - i * interval '1 second'"
	var indexes map[string]string
	if d.Dialect == db.Postgres {
		indexes = dropIndexes(t, d)
		run("SET statement_timeout = 0")
		run("ALTER TABLE messages DISABLE TRIGGER ALL") // the chats are there
	} else {
		numbers = "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i FROM n)"
		hex, at = "'00000000-0000-7000-8000-' || printf('%%012x', %s)", "strftime('%Y-%m-%d %H:%M:%S+00:00', 'now', '-' || i || ' seconds')"
	}
	chats, places := "(SELECT * FROM "+fmt.Sprintf(numbers, sizeChats)+" AS c(i)) AS c", "(SELECT * FROM "+fmt.Sprintf(numbers, messages)+" AS k(i)) AS k"
	if d.Dialect != db.Postgres {
		chats, places = fmt.Sprintf(numbers, sizeChats)+" AS c", fmt.Sprintf(numbers, messages)+" AS k"
	}
	chat := fmt.Sprintf(hex, "c.i")
	at = strings.ReplaceAll(at, " i ", " c.i ")
	run(fmt.Sprintf(`INSERT INTO chats (id, kind, product_id, vendor_id, customer_id, product_name, last_seq, last_message_at, created_at, updated_at)
		SELECT %s, 'product', 'p', '2', CAST(1000 + c.i AS text), 'Lamp', %d, %s, %s, %s FROM %s`, chat, messages, at, at, at, chats))
	for _, side := range []string{"'vendor', '2'", "'customer', CAST(1000 + c.i AS text)"} {
		run(fmt.Sprintf(`INSERT INTO members (chat_id, user_type, user_id, last_seq, delivered_seq, read_seq, unread, last_message_at, joined_at)
			SELECT %s, %s, %d, %d, %d, 10, %s, %s FROM %s`, chat, side, messages, messages, messages-10, at, at, chats))
	}
	run(fmt.Sprintf(`INSERT INTO messages (chat_id, seq, id, sender_type, sender_id, text, recipient_online, created_at, updated_at)
		SELECT %s, k.i, %s, 'customer', CAST(1000 + c.i AS text), '%s', false, %s, %s FROM %s CROSS JOIN %s`,
		chat, fmt.Sprintf(hex, fmt.Sprintf("c.i * %d + k.i", messages)), strings.Repeat("so many words, ", 6), at, at, chats, places))
	for _, create := range indexes {
		run(create)
	}
	if d.Dialect == db.Postgres {
		run("ALTER TABLE messages ENABLE TRIGGER ALL")
	}
	run("ANALYZE")
	return time.Since(began).Round(time.Second)
}

// dropIndexes takes the indexes of messages away, because they are built faster afterwards, and returns how to make
// them. That of the admins' search is left out: nothing here looks at it.
func dropIndexes(t *testing.T, d *db.DB) map[string]string {
	t.Helper()
	rows, err := d.SQL().Query("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'messages' AND indexname <> 'messages_pkey'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			t.Fatal(err)
		}
		all[name] = definition
	}
	for name := range all {
		if _, err := d.SQL().Exec("DROP INDEX " + name); err != nil {
			t.Fatal(err)
		}
	}
	delete(all, "messages_text_trgm")
	return all
}

// storm connects first one socket and then all at once; it returns a line of the evidence.
func storm(t *testing.T, name, address string, pid, messages int) string {
	t.Helper()
	alone := make([]time.Duration, 20)
	for i := range alone {
		alone[i] = connectOnce(t, address, nil)
	}
	before := resident(t, pid)
	together := make([]time.Duration, sizeClients)
	var all sync.WaitGroup
	start, stay := make(chan struct{}), make(chan struct{})
	var listed sync.WaitGroup
	for i := range together {
		all.Add(1)
		listed.Add(1)
		go func() {
			arrived := sync.OnceFunc(listed.Done)
			defer all.Done()
			defer arrived() // also when it failed
			<-start
			together[i] = connectOnce(t, address, func() { arrived(); <-stay })
		}()
	}
	peak, watching, watched := before, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		for {
			select {
			case <-watching:
				return
			case <-time.After(10 * time.Millisecond):
				peak = max(peak, resident(t, pid))
			}
		}
	}()
	close(start)
	listed.Wait()
	close(watching)
	<-watched
	close(stay)
	all.Wait()
	slices.Sort(alone)
	slices.Sort(together)
	verdict := "under"
	if together[98] >= 500*time.Millisecond {
		verdict = "OVER"
	}
	return fmt.Sprintf("| %s | %d × %d | %.0f / %.0f ms | %.0f / %.0f ms (%s 500 ms) | %d MB, +%d MB at the peak |",
		name, sizeChats, messages, ms(alone[10]), ms(alone[19]), ms(together[49]), ms(together[98]), verdict, before>>20, (peak-before)>>20)
}

// connectOnce connects a socket of Haven's and says how long it took from nothing to userChats. What came must be the
// fifty newest chats in emits of at most 256 KB.
func connectOnce(t *testing.T, address string, then func()) time.Duration {
	t.Helper()
	who := token(haven, time.Hour)
	began := time.Now()
	c := siotest.Dial(t, address)
	c.Connect("/presence", who)
	c.Connect("/chat", who)
	lists := c.Expect("/chat", "userChats", 2*time.Minute)
	if then != nil {
		then() // what follows would take processor time from the others
	}
	chats, took := list(lists), time.Duration(0)
	if len(chats) != 50 || chats[0].ID != "00000000-0000-7000-8000-000000000001" {
		t.Errorf("%d chats, the first %v", len(chats), chats[:min(1, len(chats))])
	}
	for _, r := range c.Received() {
		if r.Event == "userChats" {
			took = r.At.Sub(began)
		}
		for _, a := range r.Args {
			if len(a) > mostBytes {
				t.Errorf("%s has %d bytes", r.Event, len(a))
			}
		}
	}
	c.Close()
	return took
}

var residentLine = regexp.MustCompile(`VmRSS:\s+(\d+) kB`)

// resident is the memory of a process in bytes.
func resident(t *testing.T, pid int) int64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	m := residentLine.FindSubmatch(b)
	if err != nil || m == nil {
		t.Errorf("the memory of process %d: %v", pid, err)
		return 0
	}
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}

// writeSize replaces its own part of the evidence.
func writeSize(t *testing.T, lines []string) {
	t.Helper()
	old, err := os.ReadFile(*sizeEvidence)
	if err != nil {
		t.Fatal(err)
	}
	part := sizeTitle + "\n\nWritten by `make size`: T76, one person with that many chats and messages, 20 sockets one after the other and " +
		strconv.Itoa(sizeClients) + " at once,\nfrom nothing to `userChats`, against a server process of its own; clients, server and database share one machine of " +
		strconv.Itoa(runtime.NumCPU()) + " cores.\nNo emit was over 256 KB, and each list had the fifty newest chats.\n\n" +
		"| | chats × messages | alone: median / most | at once: median / p99 | memory before |\n|---|---|---|---|---|\n" + strings.Join(lines, "\n") + "\n\n"
	text := string(old)
	rest := strings.Index(text, "## Guards taken away")
	if rest < 0 {
		rest = len(text)
	}
	head := text[:rest]
	if i := strings.Index(head, sizeTitle); i >= 0 {
		head = head[:i]
	}
	if err := os.WriteFile(*sizeEvidence, []byte(head+part+text[rest:]), 0o644); err != nil {
		t.Fatal(err)
	}
}
