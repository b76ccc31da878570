package realtime

import (
	"runtime/debug"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/realtime/sio"
)

// maxToken is the longest token that is looked at, in bytes.
const maxToken = 4096

// peer is the Conn as package sio sees it.
type peer struct{ c *Conn }

func (p peer) Opened() {
	c := p.c
	c.mu.Lock()
	c.connecting = !c.ended
	start := c.connecting
	c.mu.Unlock()
	if start {
		c.ns.server.sio.Go(c.connect)
	}
}

// Event queues an event on the connection's reader; when the queue is full the reader waits, and
// with it the client.
func (p peer) Event(e sio.Packet) {
	c := p.c
	select {
	case c.slots <- struct{}{}:
	default:
		select {
		case c.slots <- struct{}{}:
		case <-c.ctx.Done():
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended || c.dropped {
		<-c.slots
		return
	}
	c.queue = append(c.queue, e)
	c.work()
}

func (p peer) Pinged() { p.beat(p.c.ns.hooks.Pinged) }
func (p peer) Ponged() { p.beat(p.c.ns.hooks.Ponged) }

func (p peer) Flooded() {
	p.c.Refuse(apperr.Later("You are sending too fast, please reconnect later", 10*time.Second))
}

// Closed ends the socket: it leaves the registry at once; the Disconnect hook follows when the
// events that came before have been handled.
func (p peer) Closed(reason string) {
	c := p.c
	c.cancel()
	c.mu.Lock()
	c.ended, c.reason = true, reason
	if c.expiry != nil {
		c.expiry.Stop()
	}
	user := c.identity.User
	c.mu.Unlock()
	c.ns.members.remove(user, c)
	c.settle()
}

func (p peer) beat(hook func(*Conn)) {
	if hook == nil {
		return
	}
	p.c.mu.Lock()
	admitted := p.c.hooked && !p.c.ended
	p.c.mu.Unlock()
	if admitted {
		defer p.c.recovered("a heartbeat hook", nil)
		hook(p.c)
	}
}

// connect verifies the token, registers the socket and runs the Connect hook.
func (c *Conn) connect() {
	err := c.admit()
	if err != nil && c.ctx.Err() == nil { // else the client has left, and what failed is that
		c.refuse(err, true)
	}
	c.mu.Lock()
	c.connecting = false
	c.open = err == nil && !c.dropped
	c.work()
	c.mu.Unlock()
	c.settle()
}

func (c *Conn) admit() (err error) {
	defer c.recovered("a connect hook", &err)
	s := c.ns.server
	token := c.sock.Token()
	if c.sock.Blocked() {
		return apperr.Later("There were too many failed sign-ins from your address, please try again later", time.Minute)
	}
	if len(token) > maxToken {
		c.sock.Failed()
		return apperr.New(apperr.Unauthorized, "The token is too long")
	}
	id, err := c.authenticate(token)
	if err == nil && id.User.IsZero() {
		err = apperr.New(apperr.Unauthorized, "The token names nobody")
	}
	if err == nil && !id.Expires.IsZero() && !id.Expires.After(time.Now()) {
		err = apperr.New(apperr.Unauthorized, "Your token has expired, please sign in again")
	}
	if err != nil {
		c.sock.Failed()
		return err
	}
	c.mu.Lock()
	if c.ended {
		c.mu.Unlock()
		return nil
	}
	c.identity = id
	if !c.ns.members.add(id.User, c, s.o.Limits.SocketsPerUser) {
		c.mu.Unlock()
		return apperr.Later("You have too many connections, please close one of them", 0)
	}
	c.schedule()
	c.hooked = true
	c.mu.Unlock()
	defer func() { c.presented = nil }()
	if c.ns.hooks.Connect != nil {
		return c.ns.hooks.Connect(c.ctx, c)
	}
	return nil
}

// authenticate asks the namespace, or the server's verifier, who this is.
func (c *Conn) authenticate(token string) (auth.Identity, error) {
	body, authorization, cookie := c.sock.Credentials()
	c.presented = body
	if c.ns.hooks.Authenticate == nil {
		return c.ns.server.o.Verifier.Verify(c.ctx, token)
	}
	return c.ns.hooks.Authenticate(c.ctx, Credentials{
		Token: token, Auth: body, Authorization: authorization, Cookie: cookie, Query: c.Query(),
	})
}

// work starts the goroutine that works off the queue unless it runs; the caller holds the lock.
func (c *Conn) work() {
	if len(c.queue) > 0 && c.open && !c.running {
		c.running = true
		c.ns.server.sio.Go(c.run)
	}
}

// run handles the queued events one after the other and ends with the last of them.
func (c *Conn) run() {
	for {
		c.mu.Lock()
		if len(c.queue) == 0 {
			c.queue = nil
			c.running = false
			c.mu.Unlock()
			c.settle()
			return
		}
		e, dropped := c.queue[0], c.dropped
		c.queue[0] = sio.Packet{}
		c.queue = c.queue[1:]
		c.mu.Unlock()
		if !dropped {
			c.handle(e)
		}
		<-c.slots
	}
}

// settle runs the Disconnect hook once the socket has ended and nothing of it is running.
func (c *Conn) settle() {
	c.mu.Lock()
	due := c.ended && !c.connecting && !c.running && !c.finished
	if due {
		c.finished = true
		c.queue = nil
	}
	call := due && c.hooked && c.ns.hooks.Disconnect != nil
	reason := c.reason
	c.mu.Unlock()
	if call {
		c.ns.server.sio.Go(func() {
			defer c.recovered("a disconnect hook", nil)
			c.ns.hooks.Disconnect(c, reason)
		})
	}
}

// recovered is deferred around everything a feature runs; err, if given, becomes a 500.
func (c *Conn) recovered(where string, err *error) {
	v := recover()
	if v == nil {
		return
	}
	c.ns.server.count.panics.Add(1)
	c.ns.server.log.Error("panic recovered", "where", where, "nsp", c.ns.path, "sid", c.ID(), "panic", v, "stack", string(debug.Stack()))
	if err != nil {
		*err = apperr.New(apperr.Internal, "Something went wrong on our side")
	}
}
