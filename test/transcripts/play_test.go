package transcripts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
	"chaffer/test/dialects"
)

// TestConversations plays every conversation against a real server on both databases.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob(folder + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations in %s: %v", folder, err)
	}
	others, err := filepath.Glob(contracts + "/*/transcripts/*.txt")
	if err != nil || len(others) == 0 {
		t.Fatalf("no conversations in %s: %v", contracts, err)
	}
	files = append(files, others...)
	dbtest.Each(t, func(t *testing.T, url string) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".txt")
			if filepath.Dir(file) != filepath.Clean(folder) { // of another contract
				name = filepath.Base(filepath.Dir(filepath.Dir(file))) + " " + name
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel() // most of a conversation is waiting
				database := dbtest.SQLite(t)
				if strings.HasPrefix(url, "postgres") {
					database = dbtest.Postgres(t)
				}
				play(t, file, database)
			})
		}
	})
}

// device is one connection of one person; the socket is opened when a namespace is joined.
type device struct {
	token  string
	socket *siotest.Client
	silent bool           // leaves heartbeats unanswered: nothing is proved to have arrived
	heard  map[string]int // events of /chat the conversation has named
	home   string         // the namespace of events that name none
	pair   any            // what an account presents to "/"
	nsp    string         // of the last emit
	status int            // of the last REST answer
	id     int            // of the last emit
	answer json.RawMessage
}

type player struct {
	*testing.T
	site    site
	names   Names
	devices map[string]*device
	mail    *dialects.Mailbox
}

func play(t *testing.T, file, database string) {
	steps, err := Read(file)
	if err != nil {
		t.Fatal(err)
	}
	mail := dialects.NewMailbox(t)
	settings := mail.Settings()
	settings["DATABASE_URL"] = database
	for _, s := range steps {
		if s.Kind == Setting {
			settings[s.Words] = s.Value.(Literal).V.(string)
		}
	}
	p := &player{t, start(t, settings), Names{}, map[string]*device{}, mail}
	for _, s := range steps {
		if err := p.step(s); err != nil {
			t.Fatalf("%s:%d: %s%s %s: %v", filepath.Base(file), s.Line, s.Device, s.Kind, s.Words, err)
		}
	}
	for name, d := range p.devices {
		for _, event := range d.unheard() {
			t.Errorf("%s: %s heard %s, which the conversation does not name", filepath.Base(file), name, event)
		}
	}
}

func (p *player) step(s Step) error {
	switch s.Kind {
	case Setting:
		return nil
	case Declare:
		words, silent := strings.CutSuffix(s.Words, ", silent")
		d := &device{silent: silent, heard: map[string]int{}, home: "/chat"}
		p.devices[s.Device] = d
		if name, ok := strings.CutPrefix(words, "account "); ok {
			p.account(d, s.Device, strings.Trim(name, `"`))
			return nil
		}
		var err error
		d.token, err = p.credential(words)
		return err
	}
	d, ok := p.devices[s.Device]
	if !ok {
		return fmt.Errorf("nobody is called %s: declare it first", s.Device)
	}
	switch s.Kind {
	case Do:
		return p.do(d, s)
	case Hear:
		return p.hear(d, s)
	}
	if d.answer == nil {
		var err error
		if d.answer, err = d.socket.TryAck(d.nsp, d.id, siotest.Timeout); err != nil {
			return err
		}
	}
	if s.Status != 0 && s.Status != d.status {
		return fmt.Errorf("HTTP status %d, want %d, with the body %s", d.status, s.Status, d.answer)
	}
	return p.names.Match(s.Value, d.answer)
}

// account signs somebody up. Their id is a name from then on: $idOfA.
func (p *player) account(d *device, device, name string) {
	a := dialects.SignUp(p.T, p.site.url, p.mail, name, strings.ToLower(name)+"@example.com")
	d.token, d.pair = a.Access, a.Pair()
	p.names["idOf"+device] = text(a.ID)
}

var method = regexp.MustCompile(`^(GET|POST|PUT|DELETE) (\S+)(.*)$`)

func (p *player) do(d *device, s Step) error {
	words := p.names.Expand(s.Words)
	if m := method.FindStringSubmatch(words); m != nil {
		return p.request(d, m[1], m[2], m[3], s.Value)
	}
	switch words {
	case "presence", "chat", "/", "nestchat":
		return p.connect(d, words)
	case "close":
		d.socket.Close()
		return nil
	}
	nsp, event := d.space(words)
	var payload any
	if s.Value != nil {
		body, err := p.names.Fill(s.Value, p.credential)
		if err != nil {
			return err
		}
		payload = body
	}
	d.nsp, d.answer = nsp, nil
	d.id = d.socket.EmitID(nsp, event, payload)
	return nil
}

func (p *player) hear(d *device, s Step) error {
	nsp, event := d.space(s.Words)
	if event == "disconnect" {
		d.socket.ExpectDisconnect(nsp, siotest.Timeout)
		return nil
	}
	body, err := d.socket.TryExpect(nsp, event, siotest.Timeout)
	if err != nil {
		return fmt.Errorf("%w; unread: %v", err, d.unheard())
	}
	if nsp == d.home {
		d.heard[event]++
	}
	if s.Value == nil {
		return nil
	}
	return p.names.Match(s.Value, body)
}

func (p *player) request(d *device, method, path, headers string, v Value) error {
	var body io.Reader
	if v != nil {
		b, err := p.names.Fill(v, p.credential)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(p.Context(), method, p.site.url+path, body)
	if err != nil {
		return err
	}
	if d.token != "" {
		r.Header.Set("Authorization", "Bearer "+d.token)
	}
	if v != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	for h := strings.TrimSpace(headers); h != ""; {
		m := header.FindStringSubmatch(h)
		if m == nil {
			return fmt.Errorf("%q is no [Header: value]", h)
		}
		r.Header.Set(m[1], m[2])
		h = strings.TrimSpace(h[len(m[0]):])
	}
	resp, err := p.site.client.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if d.answer, err = io.ReadAll(resp.Body); err != nil {
		return err
	}
	d.status = resp.StatusCode
	var envelope struct{ StatusCode int }
	if err := json.Unmarshal(d.answer, &envelope); envelope.StatusCode != 0 && (err != nil || envelope.StatusCode != resp.StatusCode) {
		return fmt.Errorf("HTTP status %d with the body %s", resp.StatusCode, d.answer)
	}
	return nil
}

func (p *player) connect(d *device, words string) error {
	nsp, credentials := words, any(map[string]string{"token": d.token})
	var opts []siotest.Option
	switch words {
	case "/":
		if d.home = "/"; d.pair != nil {
			credentials = d.pair
		}
	case "nestchat":
		nsp, opts = "/chat", append(opts, siotest.WithQuery("dialect", "nestchat"))
	default:
		nsp = "/" + words
	}
	if d.socket == nil {
		d.socket = siotest.Dial(p.T, p.site.url, opts...)
		d.socket.Heartbeats(!d.silent)
	}
	_, err := d.socket.TryConnect(nsp, credentials)
	if err != nil || d.home != "/" && words != "nestchat" {
		return err
	}
	return d.admitted(nsp)
}

// admitted waits until a socket of another contract has been let in or refused: unlike /chat, most
// of them say nothing then.
func (d *device) admitted(nsp string) error {
	id, in := d.socket.EmitID(nsp, "is anybody there", nil), false
	err := d.socket.Wait(siotest.Timeout, func(all []siotest.Received) bool {
		for _, r := range all {
			if r.Nsp == nsp && r.Kind == siotest.KindAck && r.ID == id {
				in = true
			}
			if r.Nsp == nsp && r.Kind == siotest.KindDisconnect {
				return true
			}
		}
		return in
	})
	if err == nil && in { // there is no such event, which is told
		_, err = d.socket.TryExpect(nsp, "error", siotest.Timeout)
		d.heard["error"]++
	}
	return err
}

var person = regexp.MustCompile(`^(customer|vendor|admin|member) (\S+)(?: "([^"]*)")?$`)

// credential is the token of who is declared, or of <token …>.
func (p *player) credential(words string) (string, error) {
	if text, ok := strings.CutPrefix(words, "token "); ok {
		return strings.Trim(text, `"`), nil
	}
	switch words {
	case "nobody":
		return "", nil
	case "service":
		return serviceToken, nil
	}
	m := person.FindStringSubmatch(words)
	if m == nil {
		return "", fmt.Errorf(`%q is nobody: want customer 2 "John Doe", vendor …, admin …, service, nobody or token "…"`, words)
	}
	return auth.Mint(secret, auth.Claims{User: models.UserRef{Type: models.UserType(m[1]), ID: m[2]}, Name: m[3]}, time.Hour)
}

// byThemselves are events that come when the server gets to it or a heartbeat is answered: a
// conversation may name them, it need not.
var byThemselves = []string{"userIsOnline", "userIsOffline", "messageStatus"}

// unheard are the events of /chat that no line has named so far.
func (d *device) unheard() (events []string) {
	if d.socket == nil {
		return nil
	}
	seen := map[string]int{}
	for _, r := range d.socket.Received() {
		if r.Kind != siotest.KindEvent || r.Nsp != d.home || slices.Contains(byThemselves, r.Event) {
			continue
		}
		if seen[r.Event]++; seen[r.Event] > d.heard[r.Event] {
			events = append(events, fmt.Sprintf("%s %s", r.Event, r.Arg()))
		}
	}
	return events
}

// space splits "/presence getPresence" into its namespace and event; /chat is the default, or "/" for
// who has connected there.
func (d *device) space(words string) (nsp, event string) {
	if strings.HasPrefix(words, "/") {
		nsp, event, _ = strings.Cut(words, " ")
		return nsp, event
	}
	return d.home, words
}
