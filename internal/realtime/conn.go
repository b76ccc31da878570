package realtime

import (
	"context"
	"encoding/json"
	"net/url"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/realtime/sio"
)

const (
	maxQueued  = 64              // events of one socket that wait or run; then its client's packets wait in the network
	maxPending = 64              // unfinished answers of OnAsync handlers of one socket
	handlerTTL = 5 * time.Second // deadline of a handler's context
	lingerTime = time.Second     // between a disconnect and the close of the transport, so that both are read
)

// Conn is one authenticated socket in one namespace. All methods are safe from any goroutine.
type Conn struct {
	ns     *Namespace
	sock   *sio.Socket
	ctx    context.Context
	cancel context.CancelFunc
	slots  chan struct{} // one for each queued or running event
	async  chan struct{} // one for each unfinished asynchronous handler

	mu         sync.Mutex
	identity   auth.Identity
	value      any
	presented  json.RawMessage // the auth object, until the Connect hook has returned
	expiry     *time.Timer
	queue      []sio.Packet
	connecting bool // between Opened and the return of Connect
	hooked     bool // the Connect hook was called
	open       bool // it returned nil
	running    bool // a goroutine works off the queue
	dropped    bool // this side ended it: what is queued is not handled
	ended      bool
	finished   bool
	reason     string
}

func newConn(n *Namespace, sock *sio.Socket) *Conn {
	c := &Conn{ns: n, sock: sock, slots: make(chan struct{}, maxQueued), async: make(chan struct{}, maxPending)}
	c.ctx, c.cancel = context.WithCancel(n.server.ctx)
	return c
}

// Emit encodes an event and sends it.
func (c *Conn) Emit(event string, payload any) error {
	f, err := c.ns.Encode(event, payload)
	if err != nil {
		return err
	}
	c.Send(f)
	return nil
}

// Send queues a frame of this namespace; frames, and the answers to events, leave in the order of
// the calls. It never blocks: a client that leaves more than 256 KB or 512 packets unread is cut.
// Sending to a socket that has ended does nothing.
func (c *Conn) Send(f Frame) { c.sock.Send(f.f) }

// Drain waits until the client has taken enough that a large frame can be sent without risking to
// be cut: use it between the chunks of a backlog.
func (c *Conn) Drain(ctx context.Context) error {
	for {
		ready := c.sock.Unread()
		if ready == nil {
			return nil
		}
		select {
		case <-ready:
		case <-c.ctx.Done():
			return c.ctx.Err()
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Refuse tells the client of a failure, disconnects it from the namespace and closes the transport
// a second later. Nothing is sent after the failure, and events still queued are not handled.
func (c *Conn) Refuse(err error) { c.refuse(err, false) }

// Close disconnects the client from the namespace and closes the transport a second later.
func (c *Conn) Close() {
	c.drop()
	c.sock.Disconnect(nil)
	c.sock.CloseLater(lingerTime, false, "closed by the server")
}

// Ping writes a heartbeat now instead of at the next interval, so that a position can be confirmed
// soon; while one is unanswered, the next follows its answer.
func (c *Conn) Ping() { c.sock.Ping() }

// ID is the Socket.IO id.
func (c *Conn) ID() string { return c.sock.ID() }

// Auth is the auth object of the client's CONNECT, nil when there was none; it is known to the Connect
// hook and forgotten behind it. Never log it: the token is in it.
func (c *Conn) Auth() json.RawMessage { return c.presented }

// Query are the parameters of the request that opened the connection. Never log them.
func (c *Conn) Query() url.Values { return c.sock.Query() }

// Address is the client's address.
func (c *Conn) Address() string { return c.sock.Address() }

// Open reports whether the socket is in use: its Connect hook has returned nil, and it has not ended.
func (c *Conn) Open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open && !c.ended && !c.dropped
}

// Context is done when the socket is gone.
func (c *Conn) Context() context.Context { return c.ctx }

// User is who is connected.
func (c *Conn) User() models.UserRef { return c.Identity().User }

// Identity is what the token said, or the latest refreshed one.
func (c *Conn) Identity() auth.Identity {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.identity
}

// SetIdentity takes over a refreshed token's identity, which must be the same user's: the caller
// checks. The socket then lives until the new expiry.
func (c *Conn) SetIdentity(id auth.Identity) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.identity = id
	c.schedule()
}

// Value is what SetValue kept: the feature's own object for this socket, nil before.
func (c *Conn) Value() any {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.value
}

// SetValue keeps the feature's own object.
func (c *Conn) SetValue(v any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.value = v
}

// refuse is Refuse; a socket that was never let in leaves other namespaces of its connection alone.
func (c *Conn) refuse(err error, unlessUsed bool) {
	c.drop()
	c.ns.server.count.refused.Add(1)
	p := apperr.Describe(err)
	c.ns.server.log.Info("socket refused", "nsp", c.ns.path, "sid", c.ID(), "user", c.User().String(),
		"address", c.Address(), "status", p.Status, "reason", p.Message)
	name, payload := c.ns.hooks.Failure(err, "")
	if two, ok := payload.(Two); ok {
		payload = two.Event
	}
	f, encodeErr := sio.NewEvent(c.ns.path, name, payload)
	if encodeErr != nil {
		c.ns.server.log.Error("failure not encoded", "nsp", c.ns.path, "err", encodeErr)
		c.sock.Disconnect(nil)
	} else {
		c.sock.Disconnect(&f)
	}
	c.sock.CloseLater(lingerTime, unlessUsed, "refused")
}

// drop makes the queue worthless: nothing of it is handled from now on.
func (c *Conn) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dropped = true
}

// schedule arms the one timer of the token's expiry; the caller holds the lock.
func (c *Conn) schedule() {
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
	if !c.ended && !c.identity.Expires.IsZero() {
		c.expiry = time.AfterFunc(time.Until(c.identity.Expires), c.expired)
	}
}

func (c *Conn) expired() {
	c.mu.Lock()
	due := !c.ended && !c.identity.Expires.After(time.Now())
	c.mu.Unlock()
	if due {
		c.ns.server.count.expired.Add(1)
		c.Refuse(apperr.New(apperr.Unauthorized, "Your token has expired, please sign in again"))
	}
}
