package dialect

import (
	"context"
	"sync"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

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
	// Message renders a new message once, and returns what hands it to one of its people's sockets.
	Message func(e chat.MessageSent) func(c *realtime.Conn)
	// Event is called for everything else that happens in chats.
	Event func(e chat.Event)
}

// Root is a namespace that several contracts share: their event names do not clash, and each event
// is rendered once for each of them.
type Root struct {
	house     House
	nsp       *realtime.Namespace
	feed      *chat.Feed
	contracts []Contract
	handsOver bool // a contract flushes what was written while its users were away

	mu    sync.Mutex
	rooms map[*realtime.Conn]map[string]bool // what a socket has joined, for contracts that join
}

// NewRoot declares the namespace through open (realtime.Server.Namespace, or its Dialect).
// Contracts are added before the server serves.
func NewRoot(house House, open func(realtime.Hooks) *realtime.Namespace, authenticate func(context.Context, realtime.Credentials) (auth.Identity, error), failure func(err error, event string) (string, any)) *Root {
	r := &Root{house: house, rooms: map[*realtime.Conn]map[string]bool{}}
	r.nsp = open(realtime.Hooks{
		Authenticate: authenticate, Connect: r.connect, Disconnect: r.disconnect, Failure: failure,
		Pinged: func(c *realtime.Conn) { r.feed.Pinged(c) },
		Ponged: func(c *realtime.Conn) { r.feed.Ponged(c) },
	})
	r.feed = chat.NewFeed(house.Chats, r.nsp, house.Log, func(c *realtime.Conn, m models.Message, _ []models.Member) (string, any) { return r.missed(c, m) })
	house.Chats.Subscribe(r.deliver)
	return r
}

// ByToken accepts one plain token, as most contracts present it.
func ByToken(house House) func(context.Context, realtime.Credentials) (auth.Identity, error) {
	return func(ctx context.Context, c realtime.Credentials) (auth.Identity, error) {
		return house.Verifier.Verify(ctx, c.Token)
	}
}

// Add adds a contract; flushes says that its clients are given what was written while they were away.
func (r *Root) Add(c Contract, flushes bool) {
	r.contracts = append(r.contracts, c)
	r.handsOver = r.handsOver || flushes
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
	if err := r.house.Profiles.Note(ctx, id.User, id.Name, id.Picture); err != nil {
		return err
	}
	r.feed.Open(c)
	for _, contract := range r.contracts {
		if contract.Connect != nil {
			if err := contract.Connect(ctx, c); err != nil {
				return err
			}
		}
	}
	if r.handsOver {
		err := r.feed.Backlog(ctx, c, func(messages []models.Message) error {
			for _, m := range messages {
				if err := c.Drain(ctx); err != nil {
					return err
				}
				event, body := r.missed(c, m)
				if event == "" {
					continue
				}
				if err := c.Emit(event, body); err != nil {
					return err
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

// missed renders a message by the contract that hands over what was missed.
func (r *Root) missed(c *realtime.Conn, m models.Message) (string, any) {
	for _, contract := range r.contracts {
		if contract.Missed == nil || contract.Scope != c.Identity().Scope {
			continue
		}
		if event, body := contract.Missed(c, m); event != "" {
			return event, body
		}
	}
	return "", nil
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
	type rendered struct {
		scope string
		send  func(*realtime.Conn)
	}
	var sends []rendered
	for _, u := range sent.Members {
		for _, conn := range r.nsp.Conns(u) {
			if sends == nil { // rendered when the first socket wants it
				for _, c := range r.contracts {
					if c.Message != nil {
						sends = append(sends, rendered{c.Scope, c.Message(sent)})
					}
				}
			}
			r.feed.Offer(conn, sent.Message.ChatID, sent.Message.Seq, func() {
				for _, r := range sends {
					if r.scope == conn.Identity().Scope {
						r.send(conn)
					}
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

// Failure renders a failure as these contracts know it: error {message}, and for acknowledgements
// {success:false, error}, in one object.
func Failure(err error, _ string) (string, any) {
	message := apperr.Describe(err).Message
	return "error", struct {
		Message string `json:"message"`
		Success bool   `json:"success"`
		Error   string `json:"error"`
	}{message, false, message}
}
