package security

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/redis/redistest"
)

// nodes are two nodes on one Postgres, one Redis and one folder of pictures. Customers of a row are
// mostly on a, vendors and outsiders on b.
type nodes struct {
	*testing.T
	a, b  *site
	redis *redistest.Server
	mail  *mailbox
	heard *wire // every command that Redis was given
}

// nodeRow is a row whose people are on different nodes.
type nodeRow struct {
	number string
	name   string // that of the row on one node, where there is one: then it is the same line
	writes bool
	run    func(n *nodes) string
}

// The limits are such that only the rows about them reach them.
var nodeSettings = map[string]string{"LIMIT_SENDS_PER_MINUTE": "120", "LIMIT_SOCKETS_PER_USER": "6", "DIALECTS": "messaging,expresschat", "SMTP_FROM": "shop@example.com"}

func startNodes(t *testing.T) *nodes {
	t.Helper()
	n := &nodes{T: t, redis: redistest.Start(t), mail: openMailbox(t)}
	settings := maps.Clone(nodeSettings)
	settings["REDIS_URL"], settings["UPLOAD_DIR"] = n.redis.URL, t.TempDir()
	settings["SMTP_HOST"], settings["SMTP_PORT"] = n.mail.host, n.mail.port
	n.heard = listenTo(t, strings.TrimSuffix(strings.TrimPrefix(n.redis.URL, "redis://"), "/0"))
	database := dbtest.Postgres(t)
	n.a, n.b = start(t, database, settings), start(t, database, settings)
	n.together()
	return n
}

// together waits until both nodes use Redis and hear each other.
func (n *nodes) together() {
	n.Helper()
	for _, s := range []*site{n.a, n.b} {
		n.until("the node uses Redis", func() bool {
			return strings.Contains(string(s.rest(nobody, "GET", "/readyz", "").body), `"redis":"ok"`)
		})
	}
	n.until("each hears of the other's people", func() bool {
		c := n.a.join(models.UserRef{Type: models.TypeVendor, ID: "hello"})
		defer c.Close()
		w := n.b.join(models.UserRef{Type: models.TypeCustomer, ID: "hello"})
		defer w.Close()
		r := n.b.ask(w, "sendMessage", `{"productId":"hello","recipientId":"hello","text":"hello"}`)
		err := c.Wait(2*time.Second, func(all []siotest.Received) bool { // newChat the first time, receiveMessage then
			return slices.ContainsFunc(all, func(r siotest.Received) bool { return strings.Contains(string(r.Arg()), `"text":"hello"`) })
		})
		return r.StatusCode == 201 && err == nil
	})
}

// apart kills Redis and waits until both nodes have noticed.
func (n *nodes) apart() {
	n.Helper()
	n.redis.Kill()
	for _, s := range []*site{n.a, n.b} {
		n.until("the node does without Redis", func() bool {
			return !strings.Contains(string(s.rest(nobody, "GET", "/readyz", "").body), `"redis":"ok"`)
		})
	}
}

func (n *nodes) until(what string, ok func() bool) time.Duration {
	n.Helper()
	began := time.Now()
	for ; !ok(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > 2*siotest.Timeout {
			n.Fatalf("it did not come true that %s", what)
		}
	}
	return time.Since(began)
}

// try runs a row as TestAttacks does, and looks at both nodes afterwards.
func (r nodeRow) try(t *testing.T, common *nodes) {
	a, b := *common.a, *common.b
	a.T, b.T = t, t
	n := &nodes{T: t, a: &a, b: &b, redis: common.redis, mail: common.mail, heard: common.heard}
	seen := ""
	defer func() { report(t, r.number, r.name, onTwoNodes, seen) }()
	before := a.rows()
	evidence := r.run(n)
	if after := a.rows(); !r.writes && after != before {
		t.Errorf("rows were written: %s, then %s", before, after)
	}
	for name, s := range map[string]*site{"a": n.a, "b": n.b} {
		if live := s.rest(nobody, "GET", "/livez", ""); live.status != 200 {
			t.Errorf("node %s is not well: %d", name, live.status)
		}
		journal := s.journal.String()
		for _, bad := range []string{secret, serviceToken, "level=ERROR", "panic", "status=500", "eyJhbGciOi", "canary-"} {
			if i := strings.Index(journal, bad); i >= 0 {
				t.Errorf("the log of node %s has %q: …%.400s", name, bad, journal[max(0, i-200):])
			}
		}
	}
	seen = evidence
	t.Log(evidence)
}

// settle returns when everything that node from has said to c, on the other node, has arrived: a
// message of writer, on from, comes last.
func settle(from *site, writer *siotest.Client, chatID string, c *siotest.Client) {
	from.Helper()
	from.wantAck(201, writer, "sendMessage", `{"chatId":"`+chatID+`","text":"the last word"}`)
	for range 100 {
		if strings.Contains(string(c.Expect("/chat", "receiveMessage", siotest.Timeout)), "the last word") {
			return
		}
	}
	from.Error("the last word did not arrive")
}

// TestAttacksOnTwoNodes runs the rows in which it matters on which node somebody is: with Redis, then
// without it.
func TestAttacksOnTwoNodes(t *testing.T) {
	n := startNodes(t)
	for _, r := range nodeRows {
		t.Run(r.number, func(t *testing.T) { r.try(t, n) })
	}
	n.apart()
	for _, r := range nodeRowsWithoutRedis {
		t.Run(r.number+" without Redis", func(t *testing.T) { r.try(t, n) })
	}
}
