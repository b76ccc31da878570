package chat

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

// Gate is what /chat needs of presence: it returns when u is there, or ctx's error.
type Gate interface {
	Wait(ctx context.Context, u models.UserRef) error
}

// SocketOptions are the settings of the namespace.
type SocketOptions struct {
	PresenceWait time.Duration // how long a connection waits for its user to appear in /presence
}

// Namespace is /chat: the native contract on sockets.
type Namespace struct {
	service *Service
	gate    Gate
	options SocketOptions
	log     *slog.Logger
	nsp     *realtime.Namespace

	ctx    context.Context // ends with Close: catching up stops
	cancel context.CancelFunc
	wg     sync.WaitGroup // goroutines that catch up, and the prover
	prover *prover
}

// Bind registers /chat with the server and delivers the service's events to its sockets.
func Bind(server *realtime.Server, service *Service, gate Gate, options SocketOptions, log *slog.Logger) *Namespace {
	n := &Namespace{service: service, gate: gate, options: options, log: log}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.prover = newProver()
	n.wg.Go(func() { n.prover.run(n.ctx) })
	n.nsp = server.Namespace("/chat", realtime.Hooks{
		Connect: n.connect, Disconnect: n.disconnect, Pinged: n.pinged, Ponged: n.ponged,
	})
	n.bindEvents()
	n.declareEvents()
	service.Subscribe(n.deliver)
	return n
}

// Realtime is the namespace itself, with the table of what travels in it.
func (n *Namespace) Realtime() *realtime.Namespace { return n.nsp }

// Close stops what runs in the background, and waits for it.
func (n *Namespace) Close() {
	n.cancel()
	n.wg.Wait()
}

// Left cuts the sockets of somebody who is no longer in /presence.
func (n *Namespace) Left(u models.UserRef) {
	for _, c := range n.nsp.Conns(u) {
		c.Refuse(errNotPresent)
	}
}

var errNotPresent = apperr.New(apperr.Forbidden, "Connect to the presence namespace first")

// connect admits a socket whose user is present. It holds live messages from before the backlog is
// read, so that nothing falls between the two.
func (n *Namespace) connect(ctx context.Context, c *realtime.Conn) error {
	wait, cancel := context.WithTimeout(ctx, n.options.PresenceWait)
	defer cancel()
	if err := n.gate.Wait(wait, c.User()); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return errNotPresent
	}
	s := newSession(c, n.catchUp, n.prover.add)
	c.SetValue(s)
	if err := c.Emit("connection", wire.OK("User connected", connectedJSON(c.User()))); err != nil {
		return err
	}
	inbox, err := n.service.Inbox(ctx, c.User(), InboxInput{})
	if err != nil {
		return err
	}
	if err := c.Emit("userChats", toInbox(inbox)); err != nil {
		return err
	}
	if err := n.flush(ctx, s); err != nil {
		return err
	}
	if !s.release() {
		n.catchUp(s)
	}
	c.Ping() // its answer proves that the backlog has arrived
	return nil
}

// flush emits offlineMessages: always at least once, empty when nothing waits.
func (n *Namespace) flush(ctx context.Context, s *session) error {
	emitted := false
	err := n.service.backlog(ctx, s.conn.User(), func(messages []models.Message, upTo map[string]int64) error {
		for _, part := range splitBySize(toMessages(messages, nil)) {
			if err := s.conn.Drain(ctx); err != nil {
				return err
			}
			if err := s.conn.Emit("offlineMessages", offlineBody(part)); err != nil {
				return err
			}
			emitted = true
		}
		s.noteAll(upTo)
		return s.conn.Context().Err()
	})
	if err != nil || emitted {
		return err
	}
	return s.conn.Emit("offlineMessages", offlineBody([]MessageJSON{}))
}

func (n *Namespace) disconnect(c *realtime.Conn, _ string) {
	if len(n.nsp.Conns(c.User())) == 0 {
		n.service.Silence(c.User())
	}
}

func (n *Namespace) pinged(c *realtime.Conn) {
	if s, ok := c.Value().(*session); ok {
		s.heartbeatWritten()
	}
}

func (n *Namespace) ponged(c *realtime.Conn) {
	s, ok := c.Value().(*session)
	if !ok {
		return
	}
	for chatID, seq := range s.heartbeatAnswered() {
		n.service.Confirm(c.User(), chatID, seq)
	}
}

const (
	catchUpTries = 5
	catchUpPause = 200 * time.Millisecond
)

// catchUp reads what a socket is missing from the database and then lets the held messages through.
// When the database stays away, the socket is closed: its client comes back and resumes.
func (n *Namespace) catchUp(s *session) {
	n.wg.Go(func() {
		failures := 0
		for !s.release() {
			err := n.fillGaps(s)
			switch {
			case s.conn.Context().Err() != nil || n.ctx.Err() != nil:
				return
			case err == nil:
				failures = 0
				continue
			}
			if failures++; failures == catchUpTries {
				n.log.Warn("a socket could not catch up and is closed", "sid", s.conn.ID(), "user", s.conn.User().String(), "err", err)
				s.conn.Close()
				return
			}
			select {
			case <-time.After(time.Duration(failures) * catchUpPause):
			case <-n.ctx.Done():
			case <-s.conn.Context().Done():
			}
		}
	})
}

func (n *Namespace) fillGaps(s *session) error {
	ctx, cancel := context.WithTimeout(n.ctx, commitTimeout)
	defer cancel()
	for chatID, from := range s.gaps() {
		members, err := n.service.store.members(ctx, chatID)
		if err != nil {
			return err
		}
		for more := true; more; {
			messages, err := n.service.store.messagesAfter(ctx, chatID, from, MaxPage)
			if err != nil {
				return err
			}
			more = len(messages) == MaxPage
			for _, m := range toMessages(messages, members) {
				frame, err := n.nsp.Encode("receiveMessage", receivedBody(m))
				if err != nil {
					return err
				}
				if from = m.Seq; !s.fill(chatID, m.Seq, frame) {
					more = false
					break
				}
			}
		}
		s.filled(chatID)
	}
	return nil
}
