package presence

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

// Contacts is what this feature needs to know about chats.
type Contacts interface {
	// Counterparts are the people who share a chat with u.
	Counterparts(ctx context.Context, u models.UserRef) ([]models.UserRef, error)
	// Shares reports whether two people share a chat.
	Shares(ctx context.Context, a, b models.UserRef) (bool, error)
}

// maxAsked bounds one getPresence.
const maxAsked = 100

// Namespace is /presence: connecting to it is being online.
type Namespace struct {
	tracker   Tracker
	contacts  Contacts
	log       *slog.Logger
	nsp       *realtime.Namespace
	announcer *announcer
}

// Bind registers /presence with the server. Comings and goings are told to counterparties there
// and in every namespace given to AlsoTell. Close stops it.
func Bind(server *realtime.Server, tracker Tracker, contacts Contacts, log *slog.Logger) *Namespace {
	n := &Namespace{tracker: tracker, contacts: contacts, log: log}
	n.nsp = server.Namespace("/presence", realtime.Hooks{Connect: n.connect, Disconnect: n.disconnect, Ponged: n.ponged})
	n.announcer = newAnnouncer(contacts, log)
	n.announcer.alsoTell(n.nsp)
	n.declare()
	tracker.Subscribe(n.announcer.tell)
	return n
}

// Realtime is the namespace itself, with the table of what travels in it.
func (n *Namespace) Realtime() *realtime.Namespace { return n.nsp }

// AlsoTell adds a namespace in which counterparties hear of comings and goings.
func (n *Namespace) AlsoTell(other *realtime.Namespace) { n.announcer.alsoTell(other) }

// Carry sets how changes that this node noticed reach the sockets of people on other nodes. carry
// must not block.
func (n *Namespace) Carry(carry func(c Change, people []models.UserRef)) {
	n.announcer.mu.Lock()
	defer n.announcer.mu.Unlock()
	n.announcer.carry = carry
}

// Arrived tells this node's sockets of some people what another node noticed.
func (n *Namespace) Arrived(c Change, people []models.UserRef) {
	if h, ok := n.tracker.(interface{ Heard(Change) }); ok {
		h.Heard(c)
	}
	n.announcer.show(c, people)
}

// Close stops telling, and waits for what is being told.
func (n *Namespace) Close() { n.announcer.close() }

func (n *Namespace) declare() {
	n.nsp.Emits("connection", "You are online.", wire.Envelope[PersonJSON]{})
	n.nsp.Emits("userIsOnline", "Somebody you share a chat with has come.", wire.Envelope[PersonJSON]{})
	n.nsp.Emits("userIsOffline", "Somebody you share a chat with has gone.", wire.Envelope[GoneJSON]{})
	n.nsp.Emits("appError", "A request failed, or the connection was refused.", wire.Failure{})
	realtime.On(n.nsp, realtime.Event{
		Name: "getPresence", Answer: "getPresence",
		Doc: "Asks which of some people are online. Only people you share a chat with are answered for.",
	}, n.who)
	realtime.HandleRefresh(n.nsp)
}

func (n *Namespace) connect(ctx context.Context, c *realtime.Conn) error {
	if err := n.tracker.Add(ctx, c.User(), c.ID()); err != nil {
		return fmt.Errorf("note %s as online: %w", c.User(), err) // a limit keeps its code
	}
	return c.Emit("connection", wire.OK("User connected", toPerson(c.User())))
}

func (n *Namespace) disconnect(c *realtime.Conn, _ string) {
	if err := n.tracker.Remove(context.Background(), c.User(), c.ID()); err != nil {
		n.log.Error("a departure was not noted", "user", c.User().String(), "err", err)
	}
}

// ponged passes a sign of life on to a tracker whose leases depend on it.
func (n *Namespace) ponged(c *realtime.Conn) {
	if a, ok := n.tracker.(interface{ Alive(models.UserRef, string) }); ok {
		a.Alive(c.User(), c.ID())
	}
}

// who answers getPresence; people the caller shares no chat with are left out.
func (n *Namespace) who(ctx context.Context, c *realtime.Conn, in WhoRequest) (wire.Envelope[[]StateJSON], error) {
	if len(in.Users) > maxAsked {
		return wire.Envelope[[]StateJSON]{}, apperr.New(apperr.Invalid, fmt.Sprintf("users names %d people: at most %d at once", len(in.Users), maxAsked))
	}
	states := []StateJSON{}
	for _, p := range in.Users {
		u := models.UserRef{Type: models.UserType(strings.ToLower(p.UserType)), ID: string(p.UserID)}
		shared, err := n.contacts.Shares(ctx, c.User(), u)
		if err != nil {
			return wire.Envelope[[]StateJSON]{}, err
		}
		if shared {
			states = append(states, toState(u, n.tracker.Online(ctx, u), n.tracker.LastSeen(ctx, u)))
		}
	}
	return wire.OK("Presence has been sent successfully", states), nil
}
