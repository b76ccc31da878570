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
	id     string // own: the message's id as it was expected
	send   func() // hands it to the connection; does not block
	// gives says, in its turn, whether the socket is to have it at all; nil: it is.
	gives func() bool
}

// session is what one /chat socket has been given. It lets each chat's messages through in seq
// order, each once; holds them while older ones are read from the database; and knows which are
// proved to have arrived.
type session struct {
	conn  *realtime.Conn
	catch func(*session) // reads what stays missing, on a goroutine of its own, until release succeeds
	prove func(*session) // sees to it that a heartbeat follows what was given; does not block

	mu       sync.Mutex
	opening  bool             // the backlog comes first
	catching bool             // catch runs
	held     []delivery       // in order of arrival
	missed   map[string]int64 // chat → first place that was dropped while holding
	sent     map[string]int64 // chat → newest place given to this socket
	mine     map[string]bool  // ids of this socket's own sends that are not answered yet
	fresh    map[string]int64 // given since the last heartbeat was written
	pinged   map[string]int64 // given before it: its answer proves them
	proved   time.Time        // when the prover last wrote one
	floor    map[string]int64 // chat → place it had when this socket got to know it
	began    time.Time
	over     bool            // nobody reads what is missing any more
	partial  bool            // the socket is not given everything: only what whole names is proved
	whole    map[string]bool // of a partial socket: chats of which it has everything
	shared   bool            // there are other nodes: what they send may overtake each other
}

// sinceBegan as a place to read behind: what there was when the session began.
const sinceBegan = int64(-1)

// newSession begins by holding: the backlog comes first.
func newSession(conn *realtime.Conn, catch, prove func(*session)) *session {
	return &session{
		conn: conn, catch: catch, prove: prove, opening: true, missed: map[string]int64{}, mine: map[string]bool{},
		sent: map[string]int64{}, fresh: map[string]int64{}, pinged: map[string]int64{},
		floor: map[string]int64{}, began: time.Now(),
	}
}

// offer gives a frame to the socket: now, or in its turn behind what is being read.
func (s *session) offer(d delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mine, d.id)
	if s.over && d.own {
		d.send()
		return
	}
	if !s.holding() {
		s.pass(d)
		return
	}
	if len(s.held) < maxHeld || d.own {
		s.held = append(s.held, d)
		if !s.opening {
			s.settle() // it may be what the others waited for
		}
		return
	}
	if first, ok := s.missed[d.chatID]; d.seq > 0 && (!ok || d.seq < first) {
		s.missed[d.chatID] = d.seq
	}
}

// holding says that what comes has to wait for its turn. The caller holds the lock.
func (s *session) holding() bool { return s.opening || len(s.held) > 0 || len(s.missed) > 0 }

// await has what is missing read, unless it comes by itself very soon. The caller holds the lock.
func (s *session) await() {
	if !s.opening && !s.catching {
		s.catching = true
		s.catch(s)
	}
}

// pass lets a frame through, unless the socket has it already, or an older one has to come first.
func (s *session) pass(d delivery) {
	if d.seq > 0 {
		if s.isOld(d) {
			s.late(d)
			return
		}
		if s.isGap(d.chatID, d.seq) {
			s.held = append(s.held, d)
			s.await()
			return
		}
	}
	s.give(d)
}

// isOld reports whether the socket has this message already, or was there without it: the backlog or its
// list of chats has shown it, or other contracts' clients read it by themselves.
func (s *session) isOld(d delivery) bool {
	return d.seq > 0 && d.seq <= max(s.sent[d.chatID], s.floor[d.chatID])
}

// late lets of what is old only through what is not given by other means: the answer to the socket's own
// send, and what a partial socket has not had.
func (s *session) late(d delivery) {
	if d.own || (s.partial && d.seq > s.sent[d.chatID] && (d.gives == nil || d.gives())) {
		d.send()
	}
}

// give hands a frame over and notes that it did, or that it did not.
func (s *session) give(d delivery) {
	if d.gives != nil && !d.gives() {
		s.skip(d.chatID, d.seq)
		return
	}
	if d.seq > 0 {
		s.note(d.chatID, d.seq)
	}
	d.send()
}

// skip notes that a message was left out on purpose: the order goes on behind it, and nothing of its
// chat is proved any more.
func (s *session) skip(chatID string, seq int64) {
	if seq > s.sent[chatID] {
		s.sent[chatID] = seq
	}
	delete(s.whole, chatID)
}

// between runs do with nothing given meanwhile: what do decides holds for all that is given after it, and
// what do sends comes before that. do must not block.
func (s *session) between(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// narrow makes a session one that is not given everything.
func (s *session) narrow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partial, s.whole = true, map[string]bool{}
}

// caughtUp notes that a chat's user has everything up to a place, unless the session has gone on
// without some of it. It proves nothing by itself.
func (s *session) caughtUp(chatID string, seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.partial && seq >= s.sent[chatID] {
		s.whole[chatID] = true
	}
}

// from is the place behind which a chat goes on for this socket, or sinceBegan.
func (s *session) from(chatID string) int64 {
	last, given := s.sent[chatID]
	floor, known := s.floor[chatID]
	if !given && !known {
		return sinceBegan
	}
	return max(last, floor)
}

// isGap reports whether something has to come before seq. Even the first message of a chat of which
// this socket has had none may have been overtaken, by one of another node.
func (s *session) isGap(chatID string, seq int64) bool {
	from := s.from(chatID)
	if from == sinceBegan {
		return s.shared && seq > 1
	}
	return seq > from+1
}

// base notes how far a chat was when the socket got to know it. It proves nothing.
func (s *session) base(chatID string, seq int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.floor[chatID] = max(s.floor[chatID], seq)
}

// isMissing compares with the database's last place of a chat.
func (s *session) isMissing(chatID string, last int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.holding() && s.from(chatID) < last
}

// heal has a chat read from where this socket stands.
func (s *session) heal(chatID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.missed[chatID] = s.from(chatID) + 1
	s.await()
}

// note remembers that the socket was given everything of a chat up to a place.
func (s *session) note(chatID string, seq int64) {
	if seq <= s.sent[chatID] {
		return
	}
	if s.partial && !s.whole[chatID] {
		if seq > 1 {
			s.sent[chatID] = seq
			return
		}
		s.whole[chatID] = true // from its first message on
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

// expect notes that this socket sends a message: until it is answered, it is not to be given it.
func (s *session) expect(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mine[id] = true
}

// forget takes back what expect said: the message was refused.
func (s *session) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.mine, id)
}

// filling is how the reading of a chat goes on after one message.
type filling int

const (
	given    filling = iota
	answered         // the message is this socket's own, and its answer waits in held: let it through
	expected         // the message is this socket's own, and its answer is about to come
)

// fill sends one message that was read because it was missing, unless it is this socket's own, which
// comes as the answer to its send. Without send, the socket is not to have it.
func (s *session) fill(chatID string, seq int64, id string, send func()) filling {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mine[id] {
		return expected
	}
	for _, d := range s.held {
		if d.own && d.chatID == chatID && d.seq == seq {
			return answered
		}
	}
	if !s.isOld(delivery{chatID: chatID, seq: seq}) {
		s.give(delivery{chatID: chatID, seq: seq, send: send, gives: func() bool { return send != nil }})
	}
	return given
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
		if from := s.from(chatID); from != sinceBegan {
			out[chatID] = from
		}
	}
	seen := map[string]bool{}
	for _, d := range s.held {
		if d.seq == 0 || seen[d.chatID] {
			continue
		}
		if s.isOld(d) {
			continue
		}
		seen[d.chatID] = true
		if s.isGap(d.chatID, d.seq) {
			out[d.chatID] = s.from(d.chatID)
		}
	}
	return out
}

// release lets through what was held, chat by chat as far as nothing is missing before it, whatever
// order it came in. True: nothing is missing any more. A chat whose gap stays
// does not keep the others, and the answers in them, waiting.
func (s *session) release() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.opening = false
	s.settle()
	s.catching = s.holding()
	return !s.catching
}

// settle lets through what can go. The caller holds the lock.
func (s *session) settle() {
	for s.releaseOnce() && len(s.held) > 0 {
	}
}

// releaseOnce goes through what is held, in order of arrival, and reports whether something went. The
// caller holds the lock.
func (s *session) releaseOnce() (went bool) {
	waiting := map[string]bool{} // chats in which something waits for a message before it
	var kept []delivery
	for _, d := range s.held {
		_, missed := s.missed[d.chatID]
		old := s.isOld(d)
		switch {
		case missed, d.seq == 0 && waiting[d.chatID], d.seq > 0 && !old && s.isGap(d.chatID, d.seq):
			waiting[d.chatID] = true
			kept = append(kept, d)
			continue
		case old:
			s.late(d)
		default:
			s.give(d)
		}
		went = true
	}
	s.held = kept
	return went
}

// abandon ends the answers that were held for a socket that is gone: whoever counts what is in
// flight must not wait for them.
func (s *session) abandon() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, d := range s.held {
		if d.own {
			d.send()
		}
	}
	s.held = nil
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
