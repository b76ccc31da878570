package security

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// The people of the matrix. Each of two outsiders has the number of one side, as the other type.
var (
	peer      = models.UserRef{Type: models.TypeVendor, ID: "70"}
	sameOwner = models.UserRef{Type: models.TypeVendor, ID: "2"}
	samePeer  = models.UserRef{Type: models.TypeCustomer, ID: "70"}
	shut      = models.UserRef{Type: models.TypeCustomer, ID: "71"} // has a chat with the peer, who has blocked them
	target    = models.UserRef{Type: models.TypeCustomer, ID: "72"} // of what an admin does
)

// cell is one event or route and what each kind of person is answered. The texts are filled in:
// $chat, $message, $product and $token are of the scene and of whoever tries.
type cell struct {
	name    string // of the event, or the id of the operation
	payload string
	owner   int
	peer    int // 0: as the owner
	blocked int // 0: as the owner
	outside int // an outsider
	admin   int
}

// eventCells are all events of both namespaces. What is about the caller alone is theirs to use.
var eventCells = []cell{
	{name: "blockUser", payload: `{"userId":999,"userType":"$other"}`, owner: 404, outside: 404},
	{name: "getMessages", payload: `{"chatId":"$chat"}`, owner: 200, outside: 404},
	{name: "getUserChats", payload: `{}`, owner: 200, outside: 200},
	{name: "joinChat", payload: `{"chatId":"$chat"}`, owner: 200, outside: 404},
	{name: "joinRooms", payload: `{"chatId":"$chat","rooms":["$chat"]}`, owner: 200, outside: 200},
	{name: "markAsRead", payload: `{"chatId":"$chat"}`, owner: 200, outside: 404},
	{name: "messagesDelivered", payload: `{"chatId":"$chat","upToSeq":1}`, owner: 200, outside: 404},
	{name: "refreshToken", payload: `{"token":"$token"}`, owner: 200, outside: 200},
	{name: "reportMessage", payload: `{"chatId":"$chat","messageId":"$message","reason":"spam"}`, owner: 400, peer: 201, outside: 404},
	{name: "resume", payload: `{"positions":{"$chat":{"seq":0}}}`, owner: 200, outside: 404},
	{name: "sendMessage", payload: `{"chatId":"$chat","text":"x"}`, owner: 201, blocked: 403, outside: 404},
	{name: "stoppedTyping", payload: `{"chatId":"$chat"}`, owner: 200, outside: 404},
	{name: "typing", payload: `{"chatId":"$chat"}`, owner: 200, outside: 404},
	{name: "unblockUser", payload: `{"userId":999,"userType":"$other"}`, owner: 200, outside: 200},
	{name: "deleteMessage", payload: `{"chatId":"$chat","messageId":"$message"}`, owner: 200, peer: 403, outside: 404},
	{name: "/presence getPresence", payload: `{"users":[{"userId":2,"userType":"customer"},{"userId":70,"userType":"vendor"}]}`, owner: 200, outside: 200},
	{name: "/presence refreshToken", payload: `{"token":"$token"}`, owner: 200, outside: 200},
}

// trial is one run of the matrix: chats are on home, those who try on away, which may be the same.
type trial struct {
	home, away *site
	products   int
	chat       string // of the owner and the peer, which outsiders try
	message    string

	barred, barredMessage string // of the peer and who is blocked

	sockets map[models.UserRef]*siotest.Client
	lines   []string
}

// outsidersHere are in no chat of the owner.
var outsidersHere = []models.UserRef{jane, lights, sameOwner, samePeer}

// openFor lets who write first to the peer.
func (m *trial) openFor(who models.UserRef) (chatID, messageID string) {
	m.home.Helper()
	m.products++
	a := m.home.want(201, who, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"matrix-%d-%d","recipientId":70,"text":"canary-of-the-matrix"}`, time.Now().UnixNano(), m.products))
	chatID, _ = a.field("data.chatId").(string)
	messageID, _ = a.field("data.id").(string)
	return chatID, messageID
}

func fillCell(text, chat, message string, who models.UserRef) string {
	other := "vendor"
	if who.Type == models.TypeVendor {
		other = "customer"
	}
	return strings.NewReplacer("$chat", chat, "$message", message, "$other", other, "$token", token(who, time.Hour)).Replace(text)
}

// startTrial sets the scene and connects everybody.
func startTrial(home, away *site) *trial {
	home.Helper()
	m := &trial{home: home, away: away, sockets: map[models.UserRef]*siotest.Client{}}
	m.chat, m.message = m.openFor(john)
	m.block()
	for _, u := range slices.Concat([]models.UserRef{john, peer, shut, root}, outsidersHere) {
		m.sockets[u] = away.join(u)
	}
	return m
}

// emit sends an event of either namespace as who.
func (m *trial) emit(who models.UserRef, name, payload string) reply {
	m.away.Helper()
	nsp, event, found := strings.Cut(name, " ")
	if !found {
		return m.away.ask(m.sockets[who], name, payload)
	}
	b := m.sockets[who].EmitAck(nsp, event, json.RawMessage(payload), siotest.Timeout)
	m.away.clean(b)
	r := reply{whole: b}
	_ = json.Unmarshal(b, &r)
	return r
}

// cutOff is somebody whom no socket lets in; the event they send behind their CONNECT is not run.
func (m *trial) cutOff(c cell, credentials any) int {
	s := m.away
	s.Helper()
	nsp, event, found := strings.Cut(c.name, " ")
	if !found {
		nsp, event = "/chat", c.name
	}
	client := s.dial()
	defer client.Close()
	if _, err := client.TryConnect(nsp, credentials); err != nil {
		s.Errorf("%s: expected to be let in and refused there, got %v", c.name, err)
		return 0
	}
	client.Emit(nsp, event, json.RawMessage(fillCell(c.payload, m.chat, m.message, root)))
	var r reply
	_ = json.Unmarshal(client.Expect(nsp, "appError", siotest.Timeout), &r)
	client.ExpectDisconnect(nsp, siotest.Timeout)
	if events := client.Events(nsp); len(events) != 1 {
		s.Errorf("%s: a refused socket was sent %v", c.name, events)
	}
	return r.StatusCode
}

// eventMatrix tries every event of the description as everybody.
func eventMatrix(home, away *site) string {
	m := startTrial(home, away)
	var described []string
	for _, channel := range []string{"chat", "presence"} {
		for _, event := range clientEvents(home, channel) {
			described = append(described, strings.TrimPrefix("/"+channel+" "+event, "/chat "))
		}
	}
	for _, name := range described {
		if !slices.ContainsFunc(eventCells, func(c cell) bool { return c.name == name }) {
			home.Errorf("%s is in the description and tried by nobody: add it to eventCells", name)
		}
	}
	if len(described) != len(eventCells) {
		home.Errorf("%d events are described, %d tried", len(described), len(eventCells))
	}
	watch := m.watch()
	rows := home.rows()
	for _, c := range eventCells {
		for _, who := range outsidersHere {
			r := m.emit(who, c.name, fillCell(c.payload, m.chat, m.message, who))
			m.outsider(c, who.String(), r.StatusCode, r.whole)
			if c.outside == 404 && c.name != "blockUser" && r.Message != "Chat was not found" {
				home.Errorf("%s tells %s %q", c.name, who, r.Message)
			}
			if strings.Contains(string(r.whole), `"online":true`) {
				home.Errorf("%s is told who is online: %s", who, r.whole)
			}
		}
		if status := m.cutOff(c, nil); status != 401 {
			home.Errorf("%s: anonymous is refused with %d", c.name, status)
		}
		r := m.emit(root, c.name, fillCell(c.payload, m.chat, m.message, root)) // an admin is let in, and is in no chat
		m.outsider(c, root.String(), r.StatusCode, r.whole)
		if strings.Contains(string(r.whole), `"online":true`) {
			home.Errorf("an admin is told who is online: %s", r.whole)
		}
	}
	if after := home.rows(); after != rows {
		home.Errorf("rows: %s, then %s", rows, after)
	}
	watch()
	for _, who := range outsidersHere {
		for _, r := range m.sockets[who].Received() {
			if strings.Contains(string(r.Arg()), "canary-of-the-matrix") {
				home.Errorf("%s was sent %s", who, r.Event)
			}
		}
	}
	for _, c := range eventCells {
		seen := map[string]int{}
		for _, who := range []models.UserRef{john, peer, shut} {
			chat, message := m.scene(who)
			mark := len(m.sockets[peer].Received())
			seen[who.String()] = m.emit(who, c.name, fillCell(c.payload, chat, message, who)).StatusCode
			if who == shut && (c.blocked != 0 || c.name == "typing") {
				m.emit(peer, "getUserChats", `{}`)
				for _, r := range m.sockets[peer].Received()[mark:] {
					if r.Kind == siotest.KindEvent && (r.Event == "typing" || r.Event == "receiveMessage") {
						home.Errorf("who has blocked them was sent %s", r.Event)
					}
				}
			}
		}
		m.insiders(c, seen)
		m.line("`"+c.name+"`", c, "cut 401", fmt.Sprint(c.outside))
	}
	return m.done("Every event by everybody", len(eventCells))
}

// block lets the peer block one whose chat is there, and waits until away knows.
func (m *trial) block() {
	m.home.Helper()
	m.home.want(200, peer, "DELETE", "/api/v1/blocks/customer/71", "") // of an earlier trial
	m.barred, m.barredMessage = m.openFor(shut)
	m.home.want(200, peer, "POST", "/api/v1/blocks/customer/71", "")
	m.away.until("refusal of who is blocked", func() string {
		if m.away.rest(shut, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"chatId":%q,"text":"x"}`, m.barred)).status == 403 {
			return "403"
		}
		return ""
	})
}

// scene is a chat for one who is in it to try on: a fresh one, but for who is blocked.
func (m *trial) scene(who models.UserRef) (chatID, messageID string) {
	m.home.Helper()
	if who == shut {
		return m.barred, m.barredMessage
	}
	return m.openFor(john)
}

// outsider holds the answer to somebody who is in no such chat against the cell.
func (m *trial) outsider(c cell, who string, status int, body []byte) {
	m.home.Helper()
	if status != c.outside {
		m.home.Errorf("%s as %s: expected %d, got %d %.300s", c.name, who, c.outside, status, body)
	}
	if contains(string(body), "canary-of-the-matrix", m.message) {
		m.home.Errorf("%s shows %s: %.300s", c.name, who, body)
	}
}

func (m *trial) insiders(c cell, seen map[string]int) {
	m.home.Helper()
	for who, status := range map[string]int{john.String(): c.owner, peer.String(): c.ofPeer(), shut.String(): c.ofBlocked()} {
		if seen[who] != status {
			m.home.Errorf("%s as %s: expected %d, got %d", c.name, who, status, seen[who])
		}
	}
}

func (c cell) ofPeer() int    { return either(c.peer, c.owner) }
func (c cell) ofBlocked() int { return either(c.blocked, c.owner) }

func either(a, b int) int {
	if a != 0 {
		return a
	}
	return b
}

// watch connects the two of the chat on home; the function it returns fails when they were told
// anything since, or when something in their chat has changed.
func (m *trial) watch() func() {
	s := m.home
	s.Helper()
	victims := map[models.UserRef]*siotest.Client{john: s.join(john), peer: s.join(peer)}
	state := func() string {
		var out strings.Builder
		for _, u := range []models.UserRef{john, peer} {
			a := s.want(200, u, "GET", "/api/v1/chats/"+m.chat, "")
			fmt.Fprintln(&out, a.field("data.unreadCount"), a.field("data.lastSeq"), string(s.want(200, u, "GET", "/api/v1/chats/"+m.chat+"/messages", "").body))
		}
		return out.String()
	}
	before, marks := state(), map[models.UserRef]int{}
	for u, c := range victims {
		marks[u] = len(c.Received())
	}
	return func() {
		s.Helper()
		if after := state(); after != before {
			s.Errorf("the chat is %s, was %s", after, before)
		}
		settle(m.away, m.sockets[peer], m.chat, victims[john]) // what was said before has arrived by then
		settle(m.away, m.sockets[john], m.chat, victims[peer])
		for u, c := range victims {
			for _, r := range c.Received()[marks[u]:] {
				if r.Kind == siotest.KindEvent && r.Event != "messageStatus" && !contains(string(r.Arg()), "the last word", `"readSeq":2`, `"readSeq":3`) {
					s.Errorf("%s was sent %s %.200s", u, r.Event, r.Arg())
				}
			}
			c.Close()
		}
	}
}

func (m *trial) line(name string, c cell, anonymous, admin string) {
	m.lines = append(m.lines, fmt.Sprintf("| %s | %d | %d | %d | %d | %d | %d | %s | %s |\n", name, c.owner, c.ofPeer(), c.outside, c.outside, c.outside, c.ofBlocked(), admin, anonymous))
}

const matrixHead = "| | owner | peer | other customer | other vendor | same number, other type | blocked | admin | anonymous |\n|---|---|---|---|---|---|---|---|---|\n"

func (m *trial) done(title string, n int) string {
	section(title, matrixHead+strings.Join(m.lines, ""))
	return fmt.Sprintf("%d of the description × owner, peer, other customer, other vendor, the same numbers as the other type, blocked, admin, anonymous: \"%s\" below; nobody told, nothing stored", n, title)
}
