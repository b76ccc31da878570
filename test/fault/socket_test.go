package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/auth"
	"chaffer/internal/models"
)

var (
	errGone = errors.New("the connection is gone")
	errSlow = errors.New("no answer within 15 s")
)

// patience is how long an answer may take (invariant 17).
const patience = 15 * time.Second

// socket is one connection with both namespaces.
type socket struct {
	conn *websocket.Conn
	node *node
	done chan struct{} // closed when it is over
	in   chan struct{} // closed when /chat has let it in: only then may anything be sent
	mute bool          // answers no heartbeat

	writing sync.Mutex
	mu      sync.Mutex
	acks    map[int]chan []byte // nil: it is over
	next    int
}

// dial joins both namespaces; has are the places that the client says it has, nil for none. event is called for everything the server says in them, by one goroutine,
// until done is closed.
func dial(n *node, address string, who models.UserRef, life time.Duration, has map[string]any, event func(s *socket, name string, body []byte)) (*socket, error) {
	dialer := websocket.Dialer{HandshakeTimeout: 5 * time.Second}
	conn, _, err := dialer.Dial("ws://"+address+"/socket.io/?EIO=4&transport=websocket", nil)
	if err != nil {
		return nil, err
	}
	token, err := auth.Mint(secret, auth.Claims{User: who}, life)
	if err != nil {
		return nil, err
	}
	s := &socket{conn: conn, node: n, done: make(chan struct{}), in: make(chan struct{}), acks: map[int]chan []byte{}}
	go s.read(event)
	body, _ := json.Marshal(map[string]any{"token": token, "positions": has})
	if err := errors.Join(s.raw("40/presence,"+string(body)), s.raw("40/chat,"+string(body))); err != nil {
		s.close()
		<-s.done
		return nil, err
	}
	return s, nil
}

func (s *socket) close() { s.conn.Close() }

// reset ends it as a lost network does: the other side is told by a RST.
func (s *socket) reset() {
	if tcp, ok := s.conn.NetConn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	s.conn.Close()
}

func (s *socket) raw(text string) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(10 * time.Second))
	return s.conn.WriteMessage(websocket.TextMessage, []byte(text))
}

// begin emits an event and returns where its answer will come.
func (s *socket) begin(event string, payload any) (chan []byte, error) {
	b, err := json.Marshal(payload)
	if err != nil {
		return nil, err
	}
	answer := make(chan []byte, 1)
	s.mu.Lock()
	if s.acks == nil {
		s.mu.Unlock()
		return nil, errGone
	}
	id := s.next
	s.next++
	s.acks[id] = answer
	s.mu.Unlock()
	return answer, s.raw(fmt.Sprintf(`42/chat,%d[%q,%s]`, id, event, b))
}

// tell emits an event whose answer nobody waits for.
func (s *socket) tell(event string, payload any) {
	if b, err := json.Marshal(payload); err == nil {
		_ = s.raw(fmt.Sprintf(`42/chat,[%q,%s]`, event, b))
	}
}

// wait waits for an answer; a connection that breaks gives errGone, one that says nothing errSlow.
func wait(answer chan []byte) ([]byte, error) {
	select {
	case b, ok := <-answer:
		if !ok {
			return nil, errGone
		}
		return b, nil
	case <-time.After(patience):
		return nil, errSlow
	}
}

func (s *socket) ask(event string, payload any) ([]byte, error) {
	answer, err := s.begin(event, payload)
	if err != nil {
		return nil, err
	}
	return wait(answer)
}

func (s *socket) read(event func(s *socket, name string, body []byte)) {
	defer func() {
		s.conn.Close()
		s.mu.Lock()
		for _, a := range s.acks {
			close(a)
		}
		s.acks = nil
		s.mu.Unlock()
		close(s.done)
	}()
	for {
		// A server that is stopped is noticed as a client library does: by its missing heartbeats.
		_ = s.conn.SetReadDeadline(time.Now().Add(46 * time.Second))
		_, b, err := s.conn.ReadMessage()
		if err != nil {
			return
		}
		text := string(b)
		switch {
		case text == "2":
			if !s.mute && s.raw("3") != nil {
				return
			}
		case strings.HasPrefix(text, "40/chat,"):
			close(s.in)
		case strings.HasPrefix(text, "43/chat,"):
			s.answered(text[len("43/chat,"):])
		case strings.HasPrefix(text, "42/"):
			i := strings.IndexByte(text, ',')
			var args []json.RawMessage
			var name string
			if i > 0 && json.Unmarshal(b[i+1:], &args) == nil && len(args) >= 2 && json.Unmarshal(args[0], &name) == nil {
				event(s, name, args[1])
			}
		case strings.HasPrefix(text, "41/"), strings.HasPrefix(text, "44/"):
			return // refused, or told to come back
		}
	}
}

func (s *socket) answered(rest string) {
	i := strings.IndexByte(rest, '[')
	id, err := strconv.Atoi(rest[:max(i, 0)])
	var args []json.RawMessage
	if err != nil || json.Unmarshal([]byte(rest[i:]), &args) != nil || len(args) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.acks[id]; a != nil {
		a <- args[0]
		delete(s.acks, id)
	}
}
