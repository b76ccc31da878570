package realtime

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync/atomic"

	"chaffer/internal/apperr"
	"chaffer/internal/realtime/sio"
)

// Event describes a client event that a namespace handles.
type Event struct {
	Name            string
	Doc             string // one sentence, for the description of the events
	Answer          string // the event that carries the reply to the caller besides the acknowledgement; "" = acknowledgement only
	OptionalPayload bool   // no payload, or null, is the zero request
}

// EventInfo is one row of a namespace's table of events.
type EventInfo struct {
	Name            string
	Doc             string
	Answer          string
	OptionalPayload bool
	FromServer      bool         // declared with Emits
	Request         reflect.Type // payload of a client event; nil when FromServer
	Reply           reflect.Type // acknowledgement of a client event, or payload of a server event
}

// handler handles one event and sees to its answer, now or later.
type handler func(c *Conn, p sio.Packet)

// On registers the handler of an event. Events of one socket run one at a time, in order.
//
// A request that is a struct is decoded from the event's one object; unknown fields are ignored,
// anything else is answered with a 400 that names the event and the field. Other request types
// are decoded from whatever JSON value came. After success the caller gets the Answer event, if
// there is one, and then the acknowledgement, if asked for, both with the reply; after a failure
// the namespace's Failure event and the acknowledgement, both with the failure. ctx has a deadline
// of 5 seconds and does not end with the socket: a phone that drops after sending keeps its message.
func On[Req, Rep any](n *Namespace, e Event, h func(ctx context.Context, c *Conn, req Req) (Rep, error)) {
	register[Req, Rep](n, e, func(c *Conn, p sio.Packet) {
		rep, err := call(c, e, p, h)
		c.answer(e, p, rep, err)
	})
}

// OnAsync is On for handlers that answer later: h returns at once and calls done exactly once,
// from any goroutine, and the socket's next event does not wait for it. 64 events of one socket
// may be unfinished at a time; then its queue waits.
func OnAsync[Req, Rep any](n *Namespace, e Event, h func(ctx context.Context, c *Conn, req Req, done func(Rep, error))) {
	register[Req, Rep](n, e, func(c *Conn, p sio.Packet) {
		var none Rep
		req, err := decode[Req](e, p)
		if err != nil {
			c.answer(e, p, none, err)
			return
		}
		c.async <- struct{}{}
		c.ns.server.sio.Begin()
		ctx := c.ns.server.deadlines.next()
		var answered atomic.Bool
		done := func(rep Rep, err error) {
			if answered.Swap(true) {
				return
			}
			c.answer(e, p, rep, err)
			<-c.async
			c.ns.server.sio.Done()
		}
		if err := guarded(c, e, func() { h(ctx, c, req, done) }); err != nil {
			done(none, err)
		}
	})
}

// Emits declares an event the server sends, for the table only.
func (n *Namespace) Emits(name, doc string, payload any) {
	n.table = append(n.table, EventInfo{Name: name, Doc: doc, FromServer: true, Reply: reflect.TypeOf(payload)})
}

// Events is the table of all events in the order they were declared.
func (n *Namespace) Events() []EventInfo { return append([]EventInfo(nil), n.table...) }

func register[Req, Rep any](n *Namespace, e Event, h handler) {
	if _, taken := n.handlers[e.Name]; taken || e.Name == "" {
		panic(fmt.Sprintf("realtime: event %q of %s is declared twice or has no name", e.Name, n.path))
	}
	n.handlers[e.Name] = h
	n.table = append(n.table, EventInfo{
		Name: e.Name, Doc: e.Doc, Answer: e.Answer, OptionalPayload: e.OptionalPayload,
		Request: reflect.TypeFor[Req](), Reply: reflect.TypeFor[Rep](),
	})
}

func call[Req, Rep any](c *Conn, e Event, p sio.Packet, h func(context.Context, *Conn, Req) (Rep, error)) (rep Rep, err error) {
	req, err := decode[Req](e, p)
	if err != nil {
		return rep, err
	}
	ctx := c.ns.server.deadlines.next()
	if panicked := guarded(c, e, func() { rep, err = h(ctx, c, req) }); panicked != nil {
		err = panicked
	}
	return rep, err
}

func guarded(c *Conn, e Event, f func()) (err error) {
	defer c.recovered("the handler of "+e.Name, &err)
	f()
	return nil
}

// handle runs the handler of one event.
func (c *Conn) handle(p sio.Packet) {
	if h, ok := c.ns.handlers[string(p.Event)]; ok {
		h(c, p)
		return
	}
	name := string(p.Event)
	var err error
	if panicked := guarded(c, Event{Name: "an unknown event"}, func() { err = c.ns.unknown(c.ns.server.ctx, c, name) }); panicked != nil {
		err = panicked
	}
	if err != nil {
		c.fail(name, p, err)
	}
}

// answer sends the reply, or the failure.
func (c *Conn) answer(e Event, p sio.Packet, rep any, err error) {
	if err != nil {
		c.fail(e.Name, p, err)
		return
	}
	if e.Answer == "" && !p.HasID {
		return
	}
	body, err := sio.Marshal(rep)
	if err != nil {
		c.fail(e.Name, p, fmt.Errorf("encode the reply of %s: %w", e.Name, err))
		return
	}
	c.reply(e.Answer, p, body)
}

func (c *Conn) fail(event string, p sio.Packet, err error) {
	level := slog.LevelDebug
	status := apperr.Describe(err).Status
	switch {
	case status == int(apperr.Unavailable):
		level = slog.LevelWarn
	case status >= int(apperr.Internal):
		level = slog.LevelError
	}
	c.ns.server.log.LogAttrs(context.Background(), level, "event failed", slog.String("nsp", c.ns.path),
		slog.String("event", event), slog.String("sid", c.ID()), slog.String("user", c.User().String()),
		slog.Int("status", status), slog.Any("err", err))
	name, payload := c.ns.hooks.Failure(err, event)
	two, ok := payload.(Two)
	if !ok {
		two = Two{payload, payload}
	}
	body, err := sio.Marshal(two.Event)
	if err != nil {
		c.ns.server.log.Error("failure not encoded", "nsp", c.ns.path, "event", event, "err", err)
		return
	}
	if !ok {
		c.reply(name, p, body)
		return
	}
	c.reply(name, sio.Packet{}, body)
	if body, err = sio.Marshal(two.Ack); err != nil {
		c.ns.server.log.Error("failure not encoded", "nsp", c.ns.path, "event", event, "err", err)
		return
	}
	c.reply("", p, body)
}

// reply sends an event, if named, and the acknowledgement, if asked for, with the same body.
func (c *Conn) reply(event string, p sio.Packet, body []byte) {
	if event != "" {
		f, err := sio.NewEvent(c.ns.path, event, jsonRaw(body))
		if err != nil {
			c.ns.server.log.Error("answer not encoded", "nsp", c.ns.path, "event", event, "err", err)
		} else {
			c.sock.Send(f)
		}
	}
	if p.HasID {
		c.sock.Send(sio.NewAck(c.ns.path, p.ID, body))
	}
}
