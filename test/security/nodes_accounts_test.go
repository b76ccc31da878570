package security

import (
	"fmt"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// person is somebody with an account of the contract that has accounts.
type person struct {
	user            models.UserRef
	email           string
	access, refresh string
}

// signUp makes an account on node a, verifies it on b and logs in on a.
func (n *nodes) signUp(name string) *person {
	n.Helper()
	p := &person{email: strings.ToLower(name) + "@example.com"}
	n.a.want(201, nobody, "POST", "/signup", fmt.Sprintf(`{"name":%q,"email":%q,"password":%q}`, name, p.email, password))
	n.b.want(200, nobody, "GET", n.link(p.email), "")
	n.logIn(p, n.a)
	return p
}

func (n *nodes) logIn(p *person, s *site) {
	n.Helper()
	in := s.want(200, nobody, "POST", "/login", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, password))
	id, _ := in.field("userId").(string)
	p.user = models.UserRef{Type: models.TypeMember, ID: id}
	p.access, _ = in.field("accessToken").(string)
	p.refresh, _ = in.field("refreshToken").(string)
}

func (p *person) pair() map[string]string {
	return map[string]string{"access_token": p.access, "refresh_token": p.refresh}
}

// enters connects with both tokens and reports whether they were accepted.
func (n *nodes) enters(s *site, p *person) (*siotest.Client, bool) {
	n.Helper()
	c := s.dial()
	if _, err := c.TryConnect("/", p.pair()); err != nil {
		n.Fatalf("expected to be let in and told there, got %v", err)
	}
	accepted := false
	err := c.Wait(siotest.Timeout, func(all []siotest.Received) bool {
		for _, r := range all {
			accepted = accepted || r.Event == "user-id"
			if r.Event == "user-id" || r.Event == "auth-failure" {
				return true
			}
		}
		return false
	})
	if err != nil {
		n.Errorf("neither accepted nor refused: %v", err)
	}
	return c, accepted
}

// over fails unless nothing of a session of p works any more, on either node.
func (n *nodes) over(p *person) {
	n.Helper()
	for _, s := range []*site{n.a, n.b} {
		s.want(401, nobody, "POST", "/refresh", fmt.Sprintf(`{"refreshToken":%q}`, p.refresh))
		s.want(401, nobody, "GET", "/api/conversation", "", "Authorization", "Bearer "+p.access)
		if _, accepted := n.enters(s, p); accepted {
			n.Error("its tokens are accepted")
		}
	}
}

// accountRevoked: an admin's revocation ends a session of an account as any other.
func accountRevoked(n *nodes) string {
	name := fmt.Sprintf("Revoked%d", time.Now().UnixNano())
	p := n.signUp(name)
	here, accepted := n.enters(n.a, p)
	there, acceptedToo := n.enters(n.b, p)
	if !accepted || !acceptedToo {
		n.Fatal("a good pair is refused")
	}
	n.a.want(200, nobody, "GET", "/api/conversation", "", "Authorization", "Bearer "+p.access)
	began := time.Now()
	n.a.want(200, root, "POST", "/api/v1/admin/users/member/"+p.user.ID+"/revoke", "")
	there.ExpectDisconnect("/", 6*siotest.Timeout)
	took := time.Since(began).Round(10 * time.Millisecond)
	here.ExpectClosed(siotest.Timeout)
	there.ExpectClosed(siotest.Timeout)
	n.over(p)
	n.until("a new log-in works", func() bool { // tokens count whole seconds
		n.logIn(p, n.b)
		_, accepted := n.enters(n.a, p)
		return accepted
	})
	return fmt.Sprintf("both nodes' sockets cut (the other's after %s), access and refresh token refused by socket and REST, a new log-in works", took)
}

// accountErased: with the person goes the account.
func accountErased(n *nodes) string {
	name := fmt.Sprintf("Canaryname%d", time.Now().UnixNano())
	p, other := n.signUp(name), models.UserRef{Type: models.TypeMember, ID: "93"}
	opened := n.a.want(201, p.user, "POST", "/api/conversation", fmt.Sprintf(`{"participants":[%q]}`, other.ID))
	chatID, _ := opened.field("id").(string)
	n.a.want(201, p.user, "POST", "/api/message", fmt.Sprintf(`{"conversationId":%q,"content":"words of %s"}`, chatID, name))
	socket, _ := n.enters(n.b, p)
	export := string(n.b.want(200, root, "GET", "/api/v1/admin/users/member/"+p.user.ID+"/export", "").body)
	if !contains(export, `"email":"`+p.email+`"`) || contains(export, "argon2") {
		n.Errorf("the export before: %s", export)
	}
	n.a.want(202, root, "POST", "/api/v1/admin/users/member/"+p.user.ID+"/erase", "")
	n.b.want(401, nobody, "POST", "/login", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, password))
	socket.ExpectClosed(6 * siotest.Timeout)
	n.over(p)
	n.until("it is done", func() bool {
		return n.b.want(200, root, "GET", "/api/v1/admin/users/member/"+p.user.ID+"/erase", "").field("data.state") == "done"
	})
	history := string(n.b.want(200, other, "GET", "/api/message/"+chatID, "").body)
	for where, what := range map[string]string{"history": history, "export": string(n.b.want(200, root, "GET", "/api/v1/admin/users/member/"+p.user.ID+"/export", "").body), "Redis": everythingIn(n)} {
		if contains(what, name, p.email) {
			n.Errorf("%s still has it: %.500s", where, what)
		}
	}
	for _, table := range []string{"accounts", "account_links", "account_tokens", "profiles", "messages", "chats", "jobs", "audit_entries"} {
		var hits int
		q := "SELECT COUNT(*) FROM " + table + " x WHERE x::text LIKE '%' || $1::text || '%' OR x::text LIKE '%' || $2::text || '%'"
		if err := n.a.db.SQL().QueryRow(q, name, p.email).Scan(&hits); err != nil {
			n.Fatal(err)
		} else if hits > 0 {
			n.Errorf("%d rows of %s have it", hits, table)
		}
	}
	var left int
	if err := n.a.db.SQL().QueryRow("SELECT COUNT(*) FROM account_tokens WHERE account_id = $1", p.user.ID).Scan(&left); err != nil || left > 0 {
		n.Errorf("%d refresh tokens are left: %v", left, err)
	}
	again := n.signUp(name)
	if again.user == p.user {
		n.Error("a new account is the old person")
	}
	if inbox := n.b.want(200, again.user, "GET", "/api/conversation", ""); string(inbox.body) != "[]\n" && string(inbox.body) != "[]" {
		n.Errorf("a new account has %s", inbox.body)
	}
	n.a.want(202, root, "POST", "/api/v1/admin/users/member/"+again.user.ID+"/erase", "") // who is in no chat is erased too
	n.a.want(401, nobody, "POST", "/login", fmt.Sprintf(`{"email":%q,"password":%q}`, p.email, password))
	return "address, name, password, links and refresh tokens gone on both nodes, sockets cut; the address may sign up anew and is somebody else"
}
