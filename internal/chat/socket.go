package chat

import (
	"context"
	"log/slog"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

// listsAtOnce is as many as there are connections to the database: more would wait for one.
const listsAtOnce = 24

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
	feed    *Feed
	lists   chan struct{} // one for each list that is being made
}

// Bind registers /chat with the server and delivers the service's events to its sockets.
func Bind(server *realtime.Server, service *Service, gate Gate, options SocketOptions, log *slog.Logger) *Namespace {
	n := &Namespace{service: service, gate: gate, options: options, log: log, lists: make(chan struct{}, listsAtOnce)}
	n.nsp = server.Namespace("/chat", realtime.Hooks{
		Connect: n.connect, Disconnect: n.disconnect,
		Pinged: func(c *realtime.Conn) { n.feed.Pinged(c) },
		Ponged: func(c *realtime.Conn) { n.feed.Ponged(c) },
	})
	n.feed = NewFeed(service, n.nsp, log, func(_ *realtime.Conn, m models.Message, members []models.Member) []Said {
		return []Said{{"receiveMessage", receivedBody(toMessage(m, readByOthers(m.Sender(), members)))}}
	})
	n.bindEvents()
	n.declareEvents()
	service.Subscribe(n.deliver)
	return n
}

// Realtime is the namespace itself, with the table of what travels in it.
func (n *Namespace) Realtime() *realtime.Namespace { return n.nsp }

// Close stops what runs in the background, and waits for it.
func (n *Namespace) Close() { n.feed.Close() }

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
	has, err := placesOf(c)
	if err != nil {
		return err
	}
	n.feed.Open(c)
	if err := c.Emit("connection", wire.OK("User connected", connectedJSON(c.User()))); err != nil {
		return err
	}
	if err := n.list(ctx, c, has); err != nil {
		return err
	}
	if err := n.flush(ctx, c, has); err != nil {
		return err
	}
	n.feed.Release(c)
	return nil
}

// list emits userChats, or returns Unavailable when the database does not answer in time. A list is up to a
// thousand messages in memory, so only some are made at once.
func (n *Namespace) list(ctx context.Context, c *realtime.Conn, has map[string]int64) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	select {
	case n.lists <- struct{}{}:
		defer func() { <-n.lists }()
	case <-ctx.Done():
		return fail("wait for a list's turn", ctx.Err())
	}
	inbox, err := n.service.Inbox(ctx, c.User(), InboxInput{})
	if err != nil {
		return err
	}
	for _, i := range inbox.Items {
		n.feed.Base(c, i.Chat.ID, i.Chat.LastSeq)
	}
	n.service.holds(c.User(), has, inbox)
	return c.Emit("userChats", inboxReply(toInbox(inbox)))
}

// flush emits offlineMessages: always at least once, empty when nothing waits.
func (n *Namespace) flush(ctx context.Context, c *realtime.Conn, has map[string]int64) error {
	emitted := false
	err := n.feed.Backlog(ctx, c, has, func(messages []models.Message) error {
		for _, part := range splitBySize(toMessages(messages, nil)) {
			if err := c.Drain(ctx); err != nil {
				return err
			}
			if err := c.Emit("offlineMessages", offlineBody(part)); err != nil {
				return err
			}
			emitted = true
		}
		return nil
	})
	if err != nil || emitted {
		return err
	}
	return c.Emit("offlineMessages", offlineBody([]MessageJSON{}))
}

func (n *Namespace) disconnect(c *realtime.Conn, _ string) {
	if len(n.nsp.Conns(c.User())) == 0 {
		n.service.Silence(c.User())
	}
}
