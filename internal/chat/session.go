package chat

import (
	"sync"
	"time"

	"chaffer/internal/realtime"
)

// maxHeld bounds what is held back for one socket while older messages are being read. What is
// beyond is dropped here and read from the database.
const maxHeld = 512

// delivery is one frame on its way to one socket.
type delivery struct {
	chatID string
	seq    int64  // the message's place; 0: not a message
	own    bool   // the answer to this socket's own send: never dropped
	send   func() // hands it to the connection; does not block
}

// session is what one /chat socket has been given. It lets each chat's messages through in seq
// order, each once; holds them while older ones are read from the database; and knows which are
// proved to have arrived.
type session struct {
	conn  *realtime.Conn
	catch func(*session) // reads what is missing, on a goroutine of its own, until release succeeds
	prove func(*session) // sees to it that a heartbeat follows what was given; does not block

	mu      sync.Mutex
	holding bool
	held    []delivery       // in order of arrival
	missed  map[string]int64 // chat → first place that was dropped while holding
	sent    map[string]int64 // chat → newest place given to this socket
	fresh   map[string]int64 // given since the last heartbeat was written
	pinged  map[string]int64 // given before it: its answer proves them
	proved  time.Time        // when the prover last wrote one
}

// newSession begins by holding: the backlog comes first.
func newSession(conn *realtime.Conn, catch, prove func(*session)) *session {
	return &session{
		conn: conn, catch: catch, prove: prove, holding: true, missed: map[string]int64{},
		sent: map[string]int64{}, fresh: map[string]int64{}, pinged: map[string]int64{},
	}
}

// offer gives a frame to the socket: now, or in its turn behind what is being read.
func (s *session) offer(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.holding {
		s.pass(d)
		return
	}
	if len(s.held) < maxHeld || d.own {
		s.held = append(s.held, d)
		return
	}
	if first, ok := s.missed[d.chatID]; d.seq > 0 && (!ok || d.seq < first) {
		s.missed[d.chatID] = d.seq
	}
}

// pass lets a frame through, unless the socket has it already, or an older one has to come first.
func (s *session) pass(d delivery) {
	if d.seq > 0 {
		last, known := s.sent[d.chatID]
		if known && d.seq <= last {
			if d.own {
				d.send()
			}
			return
		}
		if known && d.seq > last+1 {
			s.holding, s.held = true, append(s.held, d)
			s.catch(s)
			return
		}
		s.note(d.chatID, d.seq)
	}
	d.send()
}

// note remembers that the socket was given everything of a chat up to a place.
func (s *session) note(chatID string, seq int64) {
	if seq <= s.sent[chatID] {
		return
	}
	if len(s.fresh) == 0 {
		s.prove(s)
	}
	s.sent[chatID], s.fresh[chatID] = seq, seq
}

// noteAll notes how far each chat has come with what was just sent of the backlog.
func (s *session) noteAll(upTo map[string]int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for chatID, seq := range upTo {
		s.note(chatID, seq)
	}
}

// fill sends one message that was read because it was missing. It reports false when the reading
// of this chat has to stop: the next place is this socket's own message, waiting in held.
func (s *session) fill(chatID string, seq int64, frame realtime.Frame) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.held {
		if d.own && d.chatID == chatID && d.seq == seq {
			return false
		}
	}
	if last, known := s.sent[chatID]; !known || seq > last {
		s.conn.Send(frame)
		s.note(chatID, seq)
	}
	return true
}

// filled notes that a chat was read to its end.
func (s *session) filled(chatID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.missed, chatID)
}

// gaps are the chats of which messages are missing: chat → the place behind which to read.
func (s *session) gaps() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.gapsLocked()
}

func (s *session) gapsLocked() map[string]int64 {
	out := map[string]int64{}
	for chatID, first := range s.missed {
		out[chatID] = first - 1
		if last, known := s.sent[chatID]; known {
			out[chatID] = last
		}
	}
	seen := map[string]bool{}
	for _, d := range s.held {
		if d.seq == 0 || seen[d.chatID] {
			continue
		}
		last, known := s.sent[d.chatID]
		if known && d.seq <= last {
			continue
		}
		seen[d.chatID] = true
		if known && d.seq > last+1 {
			out[d.chatID] = last
		}
	}
	return out
}

// release lets what was held through and ends holding. False: something is still missing.
func (s *session) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.gapsLocked()) > 0 {
		return false
	}
	held := s.held
	s.held, s.holding = nil, false
	for i, d := range held {
		s.pass(d)
		if s.holding { // a gap further on: whoever reads it goes on from here
			s.held = append(s.held, held[i+1:]...)
			break
		}
	}
	return true
}

// heartbeatWritten notes that everything given so far went out before a heartbeat.
func (s *session) heartbeatWritten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for chatID, seq := range s.fresh {
		s.pinged[chatID] = seq
	}
	clear(s.fresh)
}

// heartbeatAnswered returns what the answer proves to have arrived: chat → place.
func (s *session) heartbeatAnswered() map[string]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.pinged) == 0 {
		return nil
	}
	proved := s.pinged
	s.pinged = map[string]int64{}
	return proved
}
