package fault

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/models"
)

const (
	// canaryMark begins every text; a log that holds it has leaked a message.
	canaryMark = "canary~"
	// confirmEvery is how often our own client library tells what has arrived.
	confirmEvery = 150 * time.Millisecond
)

// device is one client of one person. It writes down what every connection brought.
type device struct {
	run      *run_
	who      models.UserRef
	home     int             // the node it tries first
	chats    map[string]bool // the names of its own chats; anything else is somebody else's
	confirms bool            // says what has arrived, and what it has when it comes back, as our client library does; else heartbeats prove it
	life     time.Duration   // of its tokens
	way      *cable          // a bad line it goes through; nil: none
	witness  *witness        // the stock client does the work; nil: we do

	mu      sync.Mutex
	socket  *socket
	got     map[string]*line // by chat id
	told    map[string]int64 // by chat id: confirmed on this connection
	inConn  map[string]int64 // by chat id: newest place pushed on this connection
	lostAt  time.Time        // when the last connection broke
	lostTo  string           // the fault that broke it
	foreign int
	behind  int // pushed on one connection twice, or not in order
	again   int // pushed again after a reconnect
	pushed  int
}

type message struct {
	ChatID          string
	ID              string
	Seq             int64
	Text            string
	ClientMessageID string
}

// stay keeps the device connected until stop is closed; a witness stays until the end.
func (d *device) stay(stop <-chan struct{}) {
	if d.witness != nil {
		d.run.must(d.observe())
		return
	}
	for at := d.home; ; at++ {
		select {
		case <-stop:
			return
		default:
		}
		s, err := d.connect(at)
		if err != nil {
			select {
			case <-stop:
				return
			case <-time.After(time.Duration(20+rand.IntN(80)) * time.Millisecond):
			}
			continue
		}
		select {
		case <-s.done:
			d.mu.Lock()
			d.lostAt, d.lostTo, d.socket = time.Now(), d.run.blame(), nil
			d.mu.Unlock()
		case <-stop:
			s.close()
			<-s.done
			return
		}
	}
}

// now is the connection to send on, nil while there is none that has been let in.
func (d *device) now() *socket {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.socket
}

func (d *device) drop() {
	if s := d.now(); s != nil {
		s.close()
	}
}

// connect joins both namespaces, takes the backlog and resumes from what it has.
func (d *device) connect(at int) (*socket, error) {
	n := d.run.world.nodes[at%len(d.run.world.nodes)]
	address := n.url
	if d.way != nil {
		address = d.way.address()
	}
	d.mu.Lock()
	d.told, d.inConn = map[string]int64{}, map[string]int64{}
	d.mu.Unlock()
	chats := map[string]bool{}
	ready := make(chan struct{})
	var once sync.Once
	expires := time.Now().Add(d.life + auth.Leeway)
	var has map[string]any
	if d.confirms {
		has = d.places(nil)
	}
	s, err := dial(n, address, d.who, d.life, has, func(s *socket, name string, body []byte) {
		if late := time.Since(expires); late > 2*time.Second && d.way == nil && !strings.Contains(d.run.blame(), "stopped") {
			d.run.fail(19, "%s received %s %s after its token had expired (%s)", d.who, name, late, d.run.blame())
		}
		if d.event(s, name, body, chats) {
			once.Do(func() { close(ready) })
		}
	})
	if err != nil {
		return nil, err
	}
	fail := func(why error) (*socket, error) {
		s.close()
		<-s.done
		return nil, why
	}
	select {
	case <-ready:
	case <-s.done:
		return nil, errGone
	case <-time.After(patience):
		if d.way == nil {
			d.run.late(n, "%s was not answered by %s within 15 s of connecting", d.who, n.name)
		}
		return fail(errGone)
	}
	d.mu.Lock()
	for id := range d.got {
		chats[id] = true
	}
	d.mu.Unlock()
	if err := d.resume(s, chats); err != nil {
		return fail(err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.lostAt.IsZero() && d.way == nil && strings.Contains(d.lostTo, "node killed") {
		if d.run.crippledSince(d.lostAt) {
			d.run.crippled.add(time.Since(d.lostAt))
		} else {
			d.run.synced.add(time.Since(d.lostAt))
		}
	}
	d.lostAt, d.socket = time.Time{}, s
	return s, nil
}

// resume asks for what is missing in each chat.
func (d *device) resume(s *socket, chats map[string]bool) error {
	for more := len(chats) > 0; more; {
		more = false
		b, err := s.ask("resume", map[string]any{"positions": d.places(chats)})
		if errors.Is(err, errSlow) && d.way == nil {
			d.run.late(s.node, "%s: resume was not answered by %s within 15 s", d.who, s.node.name)
		}
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
				d.take(m, "")
			}
			more = more || p.HasMore
		}
	}
	return nil
}

// places are how far it has these chats, or those of which it has anything.
func (d *device) places(chats map[string]bool) map[string]any {
	d.mu.Lock()
	defer d.mu.Unlock()
	places := map[string]any{}
	for chat := range chats {
		places[chat] = map[string]any{"seq": d.line(chat).whole}
	}
	if chats == nil {
		for chat, l := range d.got {
			places[chat] = map[string]any{"seq": l.whole}
		}
	}
	return places
}

// line is what there is of a chat; the caller holds the lock.
func (d *device) line(chat string) *line {
	l := d.got[chat]
	if l == nil {
		l = &line{}
		d.got[chat] = l
	}
	return l
}

// event takes one event; true when the first of the backlog has come.
func (d *device) event(s *socket, name string, body []byte, chats map[string]bool) bool {
	var (
		one  struct{ Data message }
		list struct{ Data []message }
		chat struct{ Data struct{ Messages []message } }
		all  struct{ Data []struct{ ID string } }
		took []message
	)
	switch name {
	case "receiveMessage":
		_ = json.Unmarshal(body, &one)
		took = []message{one.Data}
	case "newChat":
		_ = json.Unmarshal(body, &chat)
		took = chat.Data.Messages
	case "userChats":
		_ = json.Unmarshal(body, &all)
		for _, c := range all.Data {
			chats[c.ID] = true
		}
	case "offlineMessages":
		_ = json.Unmarshal(body, &list)
		took = list.Data
	default:
		return false
	}
	for _, m := range took {
		d.take(m, name)
	}
	if d.confirms && len(took) > 0 {
		d.confirm(s)
	}
	return name == "offlineMessages"
}

// confirm tells the server what has arrived, a moment after the first that is not told.
func (d *device) confirm(s *socket) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.told[""] != 0 {
		return
	}
	d.told[""] = 1 // planned
	time.AfterFunc(confirmEvery, func() {
		d.mu.Lock()
		news := map[string]int64{}
		for chat := range d.inConn {
			if whole := d.got[chat].whole; whole > d.told[chat] {
				news[chat], d.told[chat] = whole, whole
			}
		}
		d.told[""] = 0
		d.mu.Unlock()
		for chat, seq := range news {
			s.tell("messagesDelivered", map[string]any{"chatId": chat, "upToSeq": seq})
		}
	})
}

// take notes a message. via is the event that pushed it, "" for what was asked for: only what is
// pushed counts for order and repeats.
func (d *device) take(m message, via string) {
	who, deletedAt, ackedAt := d.run.ledger.about(m.ClientMessageID)
	d.mu.Lock()
	defer d.mu.Unlock()
	if m.Text != "" {
		parts := strings.Split(m.Text, "~")
		if len(parts) != 4 || !d.chats[parts[1]] || m.Text != canary(parts[1], parts[2]) {
			d.foreign++
			return
		}
		if !deletedAt.IsZero() && d.way == nil && time.Since(deletedAt) > time.Second {
			d.run.fail(12, "%s received %s (%q) %s after its deletion was acknowledged (%s)", d.who, m.ClientMessageID, via, time.Since(deletedAt), d.run.blame())
		}
	}
	if m.Seq < 1 || m.ChatID == "" {
		d.foreign++
		return
	}
	had := d.line(m.ChatID).put(m.Seq, m.Text)
	if via == "" {
		return
	}
	d.pushed++
	again := d.line(m.ChatID).push(m.Seq)
	switch {
	case m.Seq <= d.inConn[m.ChatID]:
		d.behind++
	case again:
		d.again++
		d.run.count("again by "+via, d.lostTo)
	}
	d.inConn[m.ChatID] = max(d.inConn[m.ChatID], m.Seq)
	if who != d.who && !ackedAt.IsZero() && !had && d.way == nil {
		late := time.Since(ackedAt)
		d.run.live.add(late)
		if late > 1200*time.Millisecond {
			d.run.count("late by "+via, d.run.blame())
		}
	}
}
