package security

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"slices"
	"strings"
	"testing"
	"time"

	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
	"chaffer/test/dialects"
)

const canary = "canary-of-the-owner"

// actor is somebody of the matrix. Whoever has an account presents its pair to expresschat and its
// access token everywhere else.
type actor struct {
	name    string
	id      string // as the contracts write it
	token   string
	account *dialects.Account
	sockets map[string]*siotest.Client // by contract
}

// scene is what an operation is about.
type scene struct{ chat, number, group, message, note string }

// world is a node that speaks every contract, and the people of the matrix.
type world struct {
	*site
	home    *testing.T // the sockets live as long as the world, not as long as a row
	people  map[string]*actor
	scene   scene // of the owner and the peer
	gone    scene // what the one who was removed was in
	barred  scene // of the vendor and the customer whom the vendor has blocked
	fresh   int
	heardOf map[string]int // what quiet last saw
}

func newWorld(t *testing.T, database string) *world {
	t.Helper()
	mail := dialects.NewMailbox(t)
	settings := mail.Settings()
	settings["DIALECTS"] = "oneonone,expresschat,nestchat,messaging"
	settings["LIMIT_PACKETS_PER_SECOND"] = "0" // mistakes come faster than people type
	w := &world{site: start(t, database, settings), home: t, people: map[string]*actor{}, heardOf: map[string]int{}}
	for _, name := range []string{"owner", "peer"} { // a password costs a quarter of a second
		a := dialects.SignUp(t, w.url, mail, name, strings.ReplaceAll(name, " ", "-")+"@shop.example")
		w.people[name] = &actor{name: name, id: a.ID, token: a.Access, account: &a}
	}
	owner := w.people["owner"].id
	member := func(id string) models.UserRef { return models.UserRef{Type: models.TypeMember, ID: id} }
	for name, u := range map[string]models.UserRef{
		"third": member("third"), "removed": member("removed"), "other member": member("other-member"),
		"other customer": jane, "other vendor": lights, "customer of the owner's number": {Type: models.TypeCustomer, ID: owner},
		"vendor of the owner's number": {Type: models.TypeVendor, ID: owner}, "blocked": john, "blocker": haven, "admin": root,
	} {
		w.people[name] = &actor{name: name, id: dialect.ID(u), token: token(u, time.Hour)}
	}
	w.people["anonymous"] = &actor{name: "anonymous"}
	w.gone = w.stage("owner", "removed", "peer")
	w.call("owner", "DELETE", "/api/conversation/"+w.gone.chat, "")
	w.call("owner", "POST", "/api/conversation/participant/remove", fmt.Sprintf(`{"conversationId":%q,"userId":%q}`, w.gone.group, w.people["removed"].id))
	w.barred = w.stage("blocker", "blocked", "third")
	w.want(200, haven, "POST", "/api/v1/blocks/customer/"+john.ID, "")
	w.scene = w.stage("owner", "peer", "third")
	// Everybody's own chat is there from the first time they ask for it, whatever else goes wrong then.
	w.try(w.people["owner"], operationOf{dialect: "expresschat", name: "fetch-self-chat", body: "{}"}, w.scene)
	return w
}

// stage opens the chat of two people, with one message of the first, and a group of three.
func (w *world) stage(owner, peer, third string) scene {
	w.Helper()
	other := w.people[peer].id
	var s scene
	s.chat, _ = w.call(owner, "POST", "/api/conversation", fmt.Sprintf(`{"participants":[%q]}`, other)).field("_id").(string)
	number, _ := w.call(owner, "POST", "/chats", fmt.Sprintf(`{"user2_id":%q}`, other)).field("id").(float64)
	s.number = fmt.Sprint(int64(number))
	s.group, _ = w.call(owner, "POST", "/api/conversation", fmt.Sprintf(`{"participants":[%q,%q],"isGroup":true,"groupName":%q}`, other, w.people[third].id, canary)).field("_id").(string)
	send := `{"conversationId":%q,"content":%q}`
	s.message, _ = w.call(owner, "POST", "/api/message", fmt.Sprintf(send, s.chat, canary)).field("_id").(string)
	s.note, _ = w.call(owner, "POST", "/api/message", fmt.Sprintf(send, s.group, canary)).field("_id").(string)
	if s.chat == "" || s.number == "0" || s.group == "" || s.message == "" || s.note == "" {
		w.Fatalf("the scene is not complete: %+v", s)
	}
	return s
}

// call is a request that has to work.
func (w *world) call(who, method, path, body string) answer {
	w.Helper()
	a := w.ask(w.people[who], method, path, body)
	if a.status != 200 && a.status != 201 {
		w.Fatalf("%s %s of %s: %d %s", method, path, who, a.status, a.body)
	}
	return a
}

func (w *world) ask(who *actor, method, path, body string, headers ...string) answer {
	w.Helper()
	if who.token != "" {
		headers = append(headers, "Authorization", "Bearer "+who.token)
	}
	a := w.rest(nobody, method, path, body, headers...)
	w.clean(a.body)
	return a
}

// fill puts a scene into a body or a path.
func (w *world) fill(text string, s scene) string {
	w.fresh++
	return strings.NewReplacer("$chat", s.chat, "$number", s.number, "$group", s.group, "$message", s.message, "$note", s.note,
		"$peer", w.people["peer"].id, "$third", w.people["third"].id, "$fresh", fmt.Sprintf("fresh-%d", w.fresh)).Replace(text)
}

func namespaceOf(contract string) string {
	if contract == "nestchat" {
		return "/chat"
	}
	return "/"
}

// credentials are what somebody presents to a contract.
func (a *actor) credentials(contract string) any {
	switch {
	case contract == "expresschat" && a.account != nil:
		return a.account.Pair()
	case a.token == "":
		return nil
	}
	return map[string]string{"token": a.token}
}

func (w *world) dialTo(contract string) *siotest.Client {
	w.Helper()
	if contract == "nestchat" {
		return siotest.Dial(w.home, w.url, siotest.WithQuery("dialect", "nestchat"))
	}
	return siotest.Dial(w.home, w.url)
}

// socket is somebody's socket of a contract, opened at its first use; oneonone and messaging share
// one. It has got what it gets by itself.
func (w *world) socket(a *actor, contract string) *siotest.Client {
	w.Helper()
	if contract == "oneonone" {
		contract = "messaging"
	}
	if c := a.sockets[contract]; c != nil && c.Err() == nil {
		return c
	}
	c, nsp := w.dialTo(contract), namespaceOf(contract)
	if _, err := c.TryConnect(nsp, a.credentials(contract)); err != nil {
		w.Fatalf("%s cannot connect to %s: %v", a.name, contract, err)
	}
	if a.sockets == nil {
		a.sockets = map[string]*siotest.Client{}
	}
	a.sockets[contract] = c
	w.settle(a, contract)
	return c
}

// settle returns when everything that was sent to a socket before has arrived.
func (w *world) settle(a *actor, contract string) {
	w.Helper()
	c, nsp := a.sockets[contract], namespaceOf(contract)
	if _, err := c.TryEmitAck(nsp, "no such event", json.RawMessage(`{}`), siotest.Timeout); err != nil {
		w.Fatalf("the socket of %s at %s does not answer: %v", a.name, contract, err)
	}
}

// heard is every event a person was sent in any contract, what answers settle left out.
func (w *world) heard(name string) []string {
	w.Helper()
	a, out := w.people[name], []string(nil)
	for _, contract := range []string{"messaging", "nestchat", "expresschat"} {
		c := a.sockets[contract]
		if c == nil {
			continue
		}
		w.settle(a, contract)
		for _, r := range c.Received() {
			if r.Kind == siotest.KindEvent && !strings.Contains(string(r.Arg()), "no such event") {
				out = append(out, contract+" "+r.Event+" "+string(r.Arg()))
			}
		}
	}
	return out
}

// quiet fails when one of these people was sent anything since it was last asked about them.
func (w *world) quiet(people []string) {
	w.Helper()
	for _, name := range people {
		now := w.heard(name)
		if before, asked := w.heardOf[name]; asked && len(now) != before {
			w.Errorf("%s heard %v", name, now[before:])
		}
		w.heardOf[name] = len(now)
	}
}

// state is everything a refused operation must leave as it is.
func (w *world) state() string {
	w.Helper()
	var b strings.Builder
	for _, query := range []string{
		`SELECT id, kind, title, last_seq, rev, CASE WHEN deleted_at IS NULL THEN '' ELSE 'deleted' END FROM chats ORDER BY id`,
		`SELECT chat_id, user_type, user_id, role, read_seq, unread, CASE WHEN left_at IS NULL THEN '' ELSE 'left' END FROM members ORDER BY chat_id, user_type, user_id`,
		`SELECT id, chat_id, seq, text, CASE WHEN deleted_at IS NULL THEN '' ELSE 'deleted' END, '' FROM messages ORDER BY id`,
		`SELECT id, '', '', '', '', '' FROM attachments ORDER BY id`,
		`SELECT email_key, CASE WHEN verified_at IS NULL THEN '' ELSE 'verified' END, '', '', '', '' FROM accounts ORDER BY id`,
		`SELECT token_hash, CASE WHEN used_at IS NULL THEN '' ELSE 'used' END, CASE WHEN revoked_at IS NULL THEN '' ELSE 'revoked' END, '', '', '' FROM account_tokens ORDER BY token_hash`,
	} {
		rows, err := w.db.SQL().Query(query)
		if err != nil {
			w.Fatal(err)
		}
		names, _ := rows.Columns()
		for rows.Next() {
			cells, targets := make([]any, len(names)), make([]any, len(names))
			for i := range cells {
				targets[i] = &cells[i]
			}
			if err := rows.Scan(targets...); err != nil {
				w.Fatal(err)
			}
			fmt.Fprintln(&b, cells...)
		}
		if err := rows.Err(); err != nil {
			w.Fatal(err)
		}
		_ = rows.Close()
	}
	return b.String()
}

// changed is what two states do not share, line by line.
func changed(before, after string) string {
	var out []string
	old, fresh := strings.Split(before, "\n"), strings.Split(after, "\n")
	for _, line := range old {
		if !slices.Contains(fresh, line) {
			out = append(out, "- "+line)
		}
	}
	for _, line := range fresh {
		if !slices.Contains(old, line) {
			out = append(out, "+ "+line)
		}
	}
	return strings.Join(out, "\n")
}

// pictureForm is a form with a small picture in it, and its content type.
func pictureForm() (body, contentType string) {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, _ := form.CreateFormFile("file", "x.png")
	_, _ = part.Write(pixel)
	_ = form.Close()
	return b.String(), form.FormDataContentType()
}
