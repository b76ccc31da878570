package dialect

import (
	"context"
	"fmt"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// baseTimeout bounds how long a connection waits for the list of its chats.
const baseTimeout = 5 * time.Second

// Contract is what one contract adds to a namespace. Every field may be nil.
type Contract struct {
	// Scope says which sockets are this contract's: those whose identity has it.
	Scope string
	// Connect runs when a socket has come, before what it missed is handed over.
	Connect func(ctx context.Context, c *realtime.Conn) error
	// Disconnect runs when it has gone.
	Disconnect func(c *realtime.Conn)
	// Missed renders one message that was written while the socket's user was away, or that the
	// socket should have had; an empty event when the socket is not to have it.
	Missed func(c *realtime.Conn, m models.Message) (event string, body any)
	// Message renders a new message once for the sockets of its people.
	Message func(e chat.MessageSent) Rendered
	// Event is called for everything else that happens in chats.
	Event func(e chat.Event)
}

// Rendered is a message as one contract says it.
type Rendered struct {
	Gives func(c *realtime.Conn) bool // whether a socket is to have it; nil: each is
	Send  func(c *realtime.Conn)      // hands it to a socket that is
}

func (r Rendered) gives(c *realtime.Conn) bool { return r.Gives == nil || r.Gives(c) }

// Root is a namespace that several contracts share: their event names do not clash, and each event
// is rendered once for each of them.
type Root struct {
	house     House
	nsp       *realtime.Namespace
	feed      *chat.Feed
	contracts []Contract
	flushes   map[string]bool // by scope: a contract hands over what was written while its users were away

	mu    sync.Mutex
	rooms map[*realtime.Conn]map[string]bool // what a socket has joined, for contracts that join
}

// NewRoot declares the namespace through open (realtime.Server.Namespace, or its Dialect).
// Contracts are added before the server serves.
func NewRoot(house House, open func(realtime.Hooks) *realtime.Namespace, authenticate func(context.Context, realtime.Credentials) (auth.Identity, error), failure func(err error, event string) (string, any)) *Root {
	r := &Root{house: house, flushes: map[string]bool{}, rooms: map[*realtime.Conn]map[string]bool{}}
	r.nsp = open(realtime.Hooks{
		Authenticate: authenticate, Connect: r.connect, Disconnect: r.disconnect, Failure: failure,
		Pinged: func(c *realtime.Conn) { r.feed.Pinged(c) },
		Ponged: func(c *realtime.Conn) {
			if p, ok := house.Presence.(interface{ Alive(models.UserRef, string) }); ok { // its leases depend on it
				p.Alive(c.User(), c.ID())
			}
			r.feed.Ponged(c)
		},
	})
	r.feed = chat.NewFeed(house.Chats, r.nsp, house.Log, func(c *realtime.Conn, m models.Message, _ []models.Member) []chat.Said { return r.missed(c, m) })
	house.Chats.Subscribe(r.deliver)
	return r
}

// ByToken accepts one plain token, as most contracts present it.
func ByToken(house House) func(context.Context, realtime.Credentials) (auth.Identity, error) {
	return func(ctx context.Context, c realtime.Credentials) (auth.Identity, error) {
		return house.Verify(ctx, c.Token)
	}
}

// Add adds a contract; flushes says that its clients are given what was written while they were away.
// To the others only what they ask for and what they hear counts as delivered.
func (r *Root) Add(c Contract, flushes bool) {
	r.contracts = append(r.contracts, c)
	r.flushes[c.Scope] = r.flushes[c.Scope] || flushes
}

// Realtime is the namespace itself, for registering events.
func (r *Root) Realtime() *realtime.Namespace { return r.nsp }

// Close stops what runs in the background.
func (r *Root) Close() { r.feed.Close() }

// Join lets a socket hear a room; Joined tells whether it does.
func (r *Root) Join(c *realtime.Conn, room string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.Context().Err() != nil {
		return
	}
	if r.rooms[c] == nil {
		r.rooms[c] = map[string]bool{}
	}
	r.rooms[c][room] = true
}

// JoinSaying is Join with an event that comes before the first message of the room.
func (r *Root) JoinSaying(c *realtime.Conn, room, event string, body any) error {
	frame, err := r.nsp.Encode(event, body)
	if err != nil {
		return err
	}
	r.feed.Between(c, func() {
		r.Join(c, room)
		c.Send(frame)
	})
	return nil
}

// Leave ends Join.
func (r *Root) Leave(c *realtime.Conn, room string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.rooms[c], room)
}

// Joined reports whether a socket hears a room.
func (r *Root) Joined(c *realtime.Conn, room string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rooms[c][room]
}

// Tell sends one event to the sockets of a scope of some people, except those of one of them and one
// socket.
func (r *Root) Tell(scope string, people []models.UserRef, except models.UserRef, exceptSocket, event string, body any) {
	var frame realtime.Frame
	encoded := false
	for _, u := range people {
		if u == except {
			continue
		}
		for _, c := range r.nsp.Conns(u) {
			if c.ID() == exceptSocket || c.Identity().Scope != scope {
				continue
			}
			if !encoded {
				var err error
				if frame, err = r.nsp.Encode(event, body); err != nil {
					r.house.Log.Error("an event could not be encoded", "event", event, "err", err)
					return
				}
				encoded = true
			}
			c.Send(frame)
		}
	}
}

func (r *Root) connect(ctx context.Context, c *realtime.Conn) error {
	id := c.Identity()
	r.feed.Open(c) // before anything that takes time: what comes meanwhile is held
	if err := r.house.Presence.Add(ctx, c.User(), c.ID()); err != nil {
		return fmt.Errorf("note %s as online: %w", c.User(), err) // a limit keeps its code
	}
	if err := r.house.Profiles.Note(ctx, id.User, id.Name, id.Picture); err != nil {
		return err
	}
	if err := r.base(ctx, c); err != nil {
		return err
	}
	for _, contract := range r.contracts {
		if contract.Connect != nil {
			if err := contract.Connect(ctx, c); err != nil {
				return err
			}
		}
	}
	if r.flushes[id.Scope] {
		err := r.feed.Backlog(ctx, c, nil, func(messages []models.Message) error {
			for _, m := range messages {
				if err := c.Drain(ctx); err != nil {
					return err
				}
				for _, said := range r.missed(c, m) {
					if err := c.Emit(said.Event, said.Body); err != nil {
						return err
					}
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	r.feed.Release(c)
	return nil
}

func (r *Root) disconnect(c *realtime.Conn, _ string) {
	if err := r.house.Presence.Remove(context.Background(), c.User(), c.ID()); err != nil {
		r.house.Log.Error("a departure was not noted", "user", c.User().String(), "err", err)
	}
	for _, contract := range r.contracts {
		if contract.Disconnect != nil {
			contract.Disconnect(c)
		}
	}
	r.mu.Lock()
	delete(r.rooms, c)
	r.mu.Unlock()
	if len(r.nsp.Conns(c.User())) == 0 {
		r.house.Chats.Silence(c.User())
	}
}

// base notes how far the socket's chats are before anything is handed over: what is behind that
// place belongs to this connection, and what is before it is read again by no sweep.
func (r *Root) base(ctx context.Context, c *realtime.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, baseTimeout)
	defer cancel()
	inbox, err := r.house.Chats.Inbox(ctx, c.User(), chat.InboxInput{Limit: chat.MaxPage})
	if err != nil {
		return err
	}
	whole := r.flushes[c.Identity().Scope]
	if !whole {
		r.feed.Narrow(c)
	}
	for _, i := range inbox.Items {
		r.feed.Base(c, i.Chat.ID, i.Chat.LastSeq)
		if !whole && i.Mine.DeliveredSeq >= i.Chat.LastSeq {
			r.feed.CaughtUp(c, i.Chat.ID, i.Chat.LastSeq)
		}
	}
	return nil
}

// Rejoined notes that a socket hears a chat again. When its user has all of it, what comes now counts
// as delivered; else what was missed stays waiting for them.
func (r *Root) Rejoined(ctx context.Context, c *realtime.Conn, chatID string) error {
	p, err := r.house.Chats.Open(ctx, c.User(), chatID, 1)
	if err != nil {
		return err
	}
	for _, m := range p.Members {
		if m.User() == c.User() && m.DeliveredSeq >= p.Chat.LastSeq {
			r.feed.CaughtUp(c, p.Chat.ID, p.Chat.LastSeq)
		}
	}
	return nil
}

// Shown notes that a socket was shown a run of a chat's messages up to the newest. When it begins
// where the user's delivered position ends, they have the chat, and the position moves.
func (r *Root) Shown(ctx context.Context, c *realtime.Conn, p chat.Page) error {
	if !r.house.shown(c.User(), p) {
		return nil
	}
	r.feed.CaughtUp(c, p.Chat.ID, p.Chat.LastSeq)
	return r.house.Chats.Delivered(ctx, c.User(), p.Chat.ID, p.Chat.LastSeq)
}

// missed renders a message for a socket that should have had it, by each of its contracts.
func (r *Root) missed(c *realtime.Conn, m models.Message) []chat.Said {
	var out []chat.Said
	for _, contract := range r.contracts {
		if contract.Missed == nil || contract.Scope != c.Identity().Scope {
			continue
		}
		if event, body := contract.Missed(c, m); event != "" {
			out = append(out, chat.Said{Event: event, Body: body})
		}
	}
	return out
}

// deliver gives what happens in chats to this namespace's sockets.
func (r *Root) deliver(e chat.Event) {
	sent, ok := e.(chat.MessageSent)
	if !ok {
		for _, c := range r.contracts {
			if c.Event != nil {
				c.Event(e)
			}
		}
		return
	}
	type byScope struct {
		scope string
		Rendered
	}
	var said []byScope
	for _, u := range sent.Members {
		for _, conn := range r.nsp.Conns(u) {
			if said == nil { // rendered when the first socket wants it
				for _, c := range r.contracts {
					if c.Message != nil {
						said = append(said, byScope{c.Scope, c.Message(sent)})
					}
				}
			}
			mine := func(yield func(Rendered) bool) {
				for _, x := range said {
					if x.scope == conn.Identity().Scope && x.gives(conn) && !yield(x.Rendered) {
						return
					}
				}
			}
			gives := func() bool {
				for range mine {
					return true
				}
				return u == sent.Message.Sender() // who wrote it has it
			}
			r.feed.OfferSome(conn, sent.Message.ChatID, sent.Message.Seq, gives, func() {
				for x := range mine {
					x.Send(conn)
				}
			})
		}
	}
}

// Frame encodes an event once and returns what sends it to a socket.
func (r *Root) Frame(event string, body any) func(c *realtime.Conn) {
	frame, err := r.nsp.Encode(event, body)
	if err != nil {
		r.house.Log.Error("an event could not be encoded", "event", event, "err", err)
		return func(*realtime.Conn) {}
	}
	return func(c *realtime.Conn) { c.Send(frame) }
}

// Message is the body of error.
type Message struct {
	Message string `json:"message"`
}

// Failed is the acknowledgement of what failed.
type Failed struct {
	Success bool   `json:"success"`
	Error   string `json:"error"`
}

// Failure renders a failure as these contracts know it: error {message}, and for acknowledgements
// {success:false, error}.
func Failure(err error, _ string) (string, any) {
	message := apperr.Describe(err).Message
	return "error", realtime.Two{Event: Message{message}, Ack: Failed{Error: message}}
}
