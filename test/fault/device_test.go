package fault

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/auth"
	"chaffer/internal/models"
)

// canaryMark begins every text; a log that holds it has leaked a message.
const canaryMark = "canary~"

func canary(chat, key string) string {
	sum := sha256.Sum256([]byte(chat + "\x00" + key))
	return canaryMark + chat + "~" + key + "~" + hex.EncodeToString(sum[:6])
}

// device is one client of one person. It writes down what every connection brought.
type device struct {
	run   *run_
	who   models.UserRef
	home  int             // the node it tries first
	chats map[string]bool // the names of its own chats; anything else is somebody else's

	mu        sync.Mutex
	conn      *websocket.Conn
	got       map[string]map[int64]string // chat id → place → text
	pushed    map[string]bool             // what came without being asked for, by id
	acks      map[int]chan []byte
	nextAck   int
	inConn    map[string]int64 // newest place of this connection
	foreign   int
	backwards int
	duplicate int
	received  int
	lostAt    time.Time // when the last connection broke
	synced    []time.Duration
	live      []time.Duration
}

type message struct {
	ChatID          string
	ID              string
	Seq             int64
	Text            string
	ClientMessageID string
}

var errGone = errors.New("the connection is gone")

// stay keeps the device connected until stop is closed.
func (d *device) stay(stop <-chan struct{}) {
	for at := d.home; ; at++ {
		select {
		case <-stop:
			return
		default:
		}
		done, err := d.connect(at)
		if err != nil {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(20+rand.IntN(80)) * time.Millisecond):
			}
			continue
		}
		select {
		case <-done:
			d.mu.Lock()
			d.lostAt = time.Now()
			d.mu.Unlock()
		case <-stop:
			d.close()
			<-done
			return
		}
	}
}

func (d *device) close() {
	d.mu.Lock()
	conn := d.conn
	d.mu.Unlock()
	if conn != nil {
		conn.Close()
	}
}

// connect joins both namespaces, takes the backlog and resumes from what it has.
func (d *device) connect(at int) (done chan struct{}, err error) {
	n := d.run.world.nodes[at%len(d.run.world.nodes)]
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, _, err := dialer.Dial("ws://"+n.url+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, err
	}
	token, err := auth.Mint(secret, auth.Claims{User: d.who}, time.Hour)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.conn, d.acks, d.inConn = conn, map[int]chan []byte{}, map[string]int64{}
	d.mu.Unlock()
	done = make(chan struct{})
	ready := make(chan map[string]int64, 1)
	go d.read(conn, done, ready)
	body, _ := json.Marshal(map[string]string{"token": token})
	if err := errors.Join(d.raw("40/presence,"+string(body)), d.raw("40/chat,"+string(body))); err != nil {
		conn.Close()
		<-done
		return nil, err
	}
	fail := func(why error) (chan struct{}, error) {
		conn.Close()
		<-done
		return nil, why
	}
	var chats map[string]int64
	select {
	case chats = <-ready:
	case <-done:
		return nil, errGone
	case <-time.After(15 * time.Second):
		d.run.fail(17, "%s was not answered within 15 s of connecting", d.who)
		return fail(errGone)
	}
	if err := d.resume(chats); err != nil {
		return fail(err)
	}
	d.mu.Lock()
	if !d.lostAt.IsZero() {
		d.synced = append(d.synced, time.Since(d.lostAt))
		d.lostAt = time.Time{}
	}
	d.mu.Unlock()
	return done, nil
}

// resume asks for what is missing in each chat the server has named.
func (d *device) resume(chats map[string]int64) error {
	for more := true; more; {
		more = false
		positions := map[string]any{}
		d.mu.Lock()
		for chat := range chats {
			positions[chat] = map[string]any{"seq": contiguous(d.got[chat])}
		}
		d.mu.Unlock()
		if len(positions) == 0 {
			return nil
		}
		b, err := d.ask("resume", map[string]any{"positions": positions})
		if err != nil {
			return err
		}
		var page struct {
			Error bool
			Data  []struct {
				Messages []message
				HasMore  bool
			}
		}
		if err := json.Unmarshal(b, &page); err != nil || page.Error {
			return errors.New("resume was refused")
		}
		for _, p := range page.Data {
			for _, m := range p.Messages {
				d.take(m, false)
			}
			more = more || p.HasMore
		}
	}
	return nil
}

func contiguous(have map[int64]string) int64 {
	seq := int64(0)
	for have[seq+1] != "" {
		seq++
	}
	return seq
}

func (d *device) raw(text string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn == nil {
		return errGone
	}
	_ = d.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	return d.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// begin emits an event and returns where its acknowledgement will come.
func (d *device) begin(event string, payload any) (chan []byte, error) {
	b, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	answer := make(chan []byte, 1)
	d.mu.Lock()
	if d.acks == nil {
		d.mu.Unlock()
		return nil, errGone
	}
	id := d.nextAck
	d.nextAck++
	d.acks[id] = answer
	d.mu.Unlock()
	return answer, d.raw(fmt.Sprintf(`42/chat,%d[%q,%s]`, id, event, b))
}

// wait waits for an acknowledgement; a connection that breaks answers nothing.
func (d *device) wait(answer chan []byte) ([]byte, error) {
	select {
	case b, ok := <-answer:
		if !ok {
			return nil, errGone
		}
		return b, nil
	case <-time.After(15 * time.Second):
		return nil, fmt.Errorf("no answer within 15 s: %w", errSlow)
	}
}

var errSlow = errors.New("too slow")

func (d *device) ask(event string, payload any) ([]byte, error) {
	answer, err := d.begin(event, payload)
	if err != nil {
		return nil, err
	}
	return d.wait(answer)
}

func (d *device) read(conn *websocket.Conn, done chan struct{}, ready chan map[string]int64) {
	defer func() {
		conn.Close()
		d.mu.Lock()
		for _, a := range d.acks {
			close(a)
		}
		d.acks, d.conn = nil, nil
		d.mu.Unlock()
		close(done)
	}()
	chats := map[string]int64{}
	for {
		// A server that is stopped is noticed as a client library does: by its missing heartbeats.
		_ = conn.SetReadDeadline(time.Now().Add(46 * time.Second))
		_, b, err := conn.ReadMessage()
		if err != nil {
			return
		}
		text := string(b)
		switch {
		case text == "2":
			if d.raw("3") != nil {
				return
			}
		case strings.HasPrefix(text, "43/chat,"):
			rest := text[len("43/chat,"):]
			i := strings.IndexByte(rest, '[')
			id, err := strconv.Atoi(rest[:max(i, 0)])
			var args []json.RawMessage
			if err != nil || json.Unmarshal([]byte(rest[i:]), &args) != nil || len(args) == 0 {
				continue
			}
			d.mu.Lock()
			if a := d.acks[id]; a != nil {
				a <- args[0]
				delete(d.acks, id)
			}
			d.mu.Unlock()
		case strings.HasPrefix(text, "42/chat,"):
			if d.event([]byte(text[len("42/chat,"):]), chats) {
				ready <- chats
			}
		case strings.HasPrefix(text, "41/"):
			return // refused, or told to come back
		}
	}
}

// event takes one event; true when the first of the backlog has come.
func (d *device) event(b []byte, chats map[string]int64) bool {
	var args []json.RawMessage
	if json.Unmarshal(b, &args) != nil || len(args) < 2 {
		return false
	}
	var name string
	_ = json.Unmarshal(args[0], &name)
	var (
		one  struct{ Data message }
		list struct{ Data []message }
		chat struct{ Data struct{ Messages []message } }
		all  struct {
			Data []struct {
				ID      string
				LastSeq int64
			}
		}
	)
	switch name {
	case "receiveMessage":
		if json.Unmarshal(args[1], &one) == nil {
			d.take(one.Data, true)
		}
	case "newChat":
		if json.Unmarshal(args[1], &chat) == nil {
			for _, m := range chat.Data.Messages {
				d.take(m, true)
			}
		}
	case "userChats":
		if json.Unmarshal(args[1], &all) == nil {
			for _, c := range all.Data {
				chats[c.ID] = c.LastSeq
			}
		}
	case "offlineMessages":
		if json.Unmarshal(args[1], &list) == nil {
			for _, m := range list.Data {
				d.take(m, true)
			}
		}
		if len(chats) >= 0 && d.first("ready") {
			return true
		}
	}
	return false
}

// first reports whether something happens for the first time on this connection.
func (d *device) first(what string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inConn["\x00"+what] != 0 {
		return false
	}
	d.inConn["\x00"+what] = 1
	return true
}

// take notes a message. delivered: it was pushed, so it counts for order and repeats.
func (d *device) take(m message, delivered bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	parts := strings.Split(m.Text, "~")
	if len(parts) != 4 || !d.chats[parts[1]] {
		d.foreign++
		return
	}
	if d.got[m.ChatID] == nil {
		d.got[m.ChatID] = map[int64]string{}
	}
	_, had := d.got[m.ChatID][m.Seq]
	d.got[m.ChatID][m.Seq] = m.Text
	if !delivered {
		return
	}
	d.received++
	if d.pushed[m.ID] {
		d.duplicate++
	}
	d.pushed[m.ID] = true
	if m.Seq <= d.inConn[m.ChatID] {
		d.backwards++
	}
	d.inConn[m.ChatID] = max(d.inConn[m.ChatID], m.Seq)
	if at, ok := d.run.ledger.ackedAt(m.ClientMessageID, d.who); ok && !had {
		d.live = append(d.live, max(0, time.Since(at)))
	}
}
