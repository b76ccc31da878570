package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// Feed gives the sockets of one namespace their messages with the promises of this service,
// whatever contract they speak: each chat in seq order, each message once, nothing between the
// backlog and what is live, gaps read from the database, and delivered positions that move when a
// heartbeat proves what has arrived.
type Feed struct {
	service *Service
	nsp     *realtime.Namespace
	missing Missing
	log     *slog.Logger

	prover   *prover
	complete func() bool     // whether news of other nodes arrive; nil: there are no others
	ctx      context.Context // ends with Close: catching up stops
	cancel   context.CancelFunc
	wg       sync.WaitGroup // goroutines that catch up, the prover and the sweep
}

// Missing renders a message that a socket should have had and is now read from the database: the
// events it comes as, none when this socket is not to have it.
type Missing func(c *realtime.Conn, m models.Message, members []models.Member) []Said

// Said is an event on its way to a socket.
type Said struct {
	Event string
	Body  any
}

// NewFeed starts a feed. The namespace's hooks must call Pinged and Ponged. Close ends it.
func NewFeed(service *Service, nsp *realtime.Namespace, log *slog.Logger, missing Missing) *Feed {
	f := &Feed{service: service, nsp: nsp, missing: missing, log: log, prover: newProver(), complete: service.settings.Complete}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.wg.Go(func() { f.prover.run(f.ctx) })
	f.wg.Go(func() { f.sweeping(f.ctx) })
	return f
}

// Close stops what runs in the background, and waits for it.
func (f *Feed) Close() {
	f.cancel()
	f.wg.Wait()
}

// Open begins a socket's stream; what is offered to it is held until Release. It is called in the
// namespace's Connect hook, before anything about the socket's chats is read.
func (f *Feed) Open(c *realtime.Conn) {
	s := newSession(c, f.catchUp, f.prover.add)
	s.shared = f.complete != nil
	c.SetValue(s)
}

// Backlog hands over what others wrote to the socket's user and the user has not received: oldest
// first, at most backlogChunk messages at a time. has are the places (chat → seq) that the client says
// it has, nil when it says nothing. emit sends the messages on the socket.
func (f *Feed) Backlog(ctx context.Context, c *realtime.Conn, has map[string]int64, emit func(messages []models.Message) error) error {
	s, ok := sessionOf(c)
	if !ok {
		return nil
	}
	return f.service.backlog(ctx, c.User(), has, func(messages []models.Message, upTo map[string]int64) error {
		if err := c.Drain(ctx); err != nil {
			return err
		}
		if err := emit(messages); err != nil {
			return err
		}
		faultPoint("in-flush")
		s.noteAll(upTo)
		return c.Context().Err()
	})
}

// Release lets what was held through, and asks for a heartbeat that proves the backlog.
func (f *Feed) Release(c *realtime.Conn) {
	if s, ok := sessionOf(c); ok && !s.release() {
		f.catchUp(s)
	}
	c.Ping()
}

// Offer gives a message, or with seq 0 something that belongs behind the messages before it, to a
// socket. send hands it to the connection and must not block.
func (f *Feed) Offer(c *realtime.Conn, chatID string, seq int64, send func()) {
	if s, ok := sessionOf(c); ok {
		s.offer(delivery{chatID: chatID, seq: seq, send: send})
	}
}

// OfferSome is Offer for a namespace whose sockets are not given everything: gives says, when the
// message's turn has come, whether this one is. What was left out is not proved to have arrived.
func (f *Feed) OfferSome(c *realtime.Conn, chatID string, seq int64, gives func() bool, send func()) {
	if s, ok := sessionOf(c); ok {
		s.offer(delivery{chatID: chatID, seq: seq, gives: gives, send: send})
	}
}

// Between runs do between two messages of a socket: what the gives of OfferSome read from do holds for all
// that comes behind what do sends. do must not block.
func (f *Feed) Between(c *realtime.Conn, do func()) {
	if s, ok := sessionOf(c); ok {
		s.between(do)
	}
}

// Narrow says that a socket is not given what was written while its user was away: a delivered
// position moves only in chats of which CaughtUp was said, and of which nothing was left out since.
func (f *Feed) Narrow(c *realtime.Conn) {
	if s, ok := sessionOf(c); ok {
		s.narrow()
	}
}

// CaughtUp notes that the socket's user has a chat up to a place, by whatever means.
func (f *Feed) CaughtUp(c *realtime.Conn, chatID string, seq int64) {
	if s, ok := sessionOf(c); ok {
		s.caughtUp(chatID, seq)
	}
}

// Expect notes that a socket sends the message of that id itself: until Answer or Forget it is not
// given it as one of somebody else, however it comes to be read.
func (f *Feed) Expect(c *realtime.Conn, id string) {
	if s, ok := sessionOf(c); ok {
		s.expect(id)
	}
}

// Forget says that an expected message was refused.
func (f *Feed) Forget(c *realtime.Conn, id string) {
	if s, ok := sessionOf(c); ok {
		s.forget(id)
	}
}

// Answer is Offer for the answer to a message the socket has sent itself, expected under that id: it
// is never dropped.
func (f *Feed) Answer(c *realtime.Conn, id, chatID string, seq int64, send func()) {
	s, ok := sessionOf(c)
	if !ok {
		send()
		return
	}
	s.offer(delivery{chatID: chatID, seq: seq, own: true, id: id, send: send})
}

// Base notes how far a chat was before the backlog was read: what is behind that place belongs to
// this connection, whichever node it comes from.
func (f *Feed) Base(c *realtime.Conn, chatID string, seq int64) {
	if s, ok := sessionOf(c); ok {
		s.base(chatID, seq)
	}
}

// Has notes that a socket was given everything of a chat up to a place by other means.
func (f *Feed) Has(c *realtime.Conn, chatID string, seq int64) {
	if s, ok := sessionOf(c); ok {
		s.noteAll(map[string]int64{chatID: seq})
	}
}

// Pinged and Ponged are the namespace's heartbeat hooks.
func (f *Feed) Pinged(c *realtime.Conn) {
	if s, ok := sessionOf(c); ok {
		s.heartbeatWritten()
	}
}

// Ponged moves the positions that the answered heartbeat proves.
func (f *Feed) Ponged(c *realtime.Conn) {
	if s, ok := sessionOf(c); ok {
		for chatID, seq := range s.heartbeatAnswered() {
			f.service.Confirm(c.User(), chatID, seq)
		}
	}
}

func sessionOf(c *realtime.Conn) (*session, bool) {
	s, ok := c.Value().(*session)
	return s, ok
}

const (
	catchUpTries = 5
	catchUpPause = 200 * time.Millisecond
	answerPause  = 5 * time.Millisecond // until an answer that is about to come is looked for again
	// gapPatience is how long what overtook something waits for it before the database is asked: news of
	// another node and this one's own answers overtake each other all the time.
	gapPatience = 100 * time.Millisecond
	// fillTimeout times the tries, and the pauses, is how long an answer may be held behind a gap.
	fillTimeout = 2 * time.Second
)

// catchUp reads what a socket is missing from the database and then lets the held messages through.
// When the database stays away, the socket is closed: its client comes back and resumes.
func (f *Feed) catchUp(s *session) {
	f.wg.Go(func() {
		select {
		case <-time.After(gapPatience):
		case <-f.ctx.Done():
		case <-s.conn.Context().Done():
		}
		failures := 0
		for !s.release() {
			waits, err := f.fillGaps(s)
			switch {
			case s.conn.Context().Err() != nil || f.ctx.Err() != nil:
				s.abandon()
				return
			case err == nil:
				failures = 0
			default:
				failures++
			}
			if failures == catchUpTries {
				f.log.Warn("a socket could not catch up and is closed", "sid", s.conn.ID(), "user", s.conn.User().String(), "err", err)
				s.conn.Close()
				s.abandon()
				return
			}
			pause := time.Duration(failures) * catchUpPause
			if waits {
				pause = answerPause
			}
			if pause == 0 {
				continue
			}
			select {
			case <-time.After(pause):
			case <-f.ctx.Done():
			case <-s.conn.Context().Done():
			}
		}
	})
}

// fillGaps reads what is missing of each chat. waits: in one of them the next message is the socket's
// own, whose answer is about to come.
func (f *Feed) fillGaps(s *session) (waits bool, err error) {
	ctx, cancel := context.WithTimeout(f.ctx, fillTimeout)
	defer cancel()
	for chatID, from := range s.gaps() {
		members, err := f.service.store.members(ctx, chatID)
		if err != nil {
			return waits, err
		}
		if from == sinceBegan {
			// A message gets its time a little before it is committed.
			if from, err = f.service.store.placeBefore(ctx, chatID, s.began.Add(-commitTimeout)); err != nil {
				return waits, err
			}
			s.base(chatID, from)
		}
		for more := true; more; {
			messages, err := f.service.store.messagesAfter(ctx, chatID, from, MaxPage)
			if err != nil {
				return waits, err
			}
			more = len(messages) == MaxPage
			for _, m := range messages {
				send, err := f.sender(s.conn, f.missing(s.conn, m, members))
				if err != nil {
					return waits, err
				}
				from = m.Seq
				if went := s.fill(chatID, m.Seq, m.ID, send); went != given {
					more, waits = false, waits || went == expected
					break
				}
			}
		}
		s.filled(chatID)
	}
	return waits, nil
}

// sender encodes what is to be said and returns what sends it; nil for nothing.
func (f *Feed) sender(c *realtime.Conn, said []Said) (func(), error) {
	if len(said) == 0 {
		return nil, nil
	}
	frames := make([]realtime.Frame, 0, len(said))
	for _, x := range said {
		frame, err := f.nsp.Encode(x.Event, x.Body)
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame)
	}
	return func() {
		for _, frame := range frames {
			c.Send(frame)
		}
	}, nil
}
