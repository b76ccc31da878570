package sio

import (
	"bytes"
	"io"
	"time"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// webSocket is the WebSocket transport this server gives to the library in place of its own.
// Reading starts only when the handshake has returned, so no packet meets a connection whose
// listeners are not wired; writing is one bounded queue of complete frames, written together.
type webSocket struct {
	transports.Transport
	conn    *types.WebSocketConn
	out     *outbound
	owner   *Server
	session *Link // nil until the session is on this transport; touched by the reader and before it starts
}

// webSocketBuilder makes webSocket the transport named "websocket".
type webSocketBuilder struct{ owner *Server }

func (*webSocketBuilder) Name() string          { return transports.WEBSOCKET }
func (*webSocketBuilder) HandlesUpgrades() bool { return true }
func (*webSocketBuilder) UpgradesTo() []string  { return nil }

func (b *webSocketBuilder) New(ctx *types.HttpContext) transports.Transport {
	t := &webSocket{Transport: transports.MakeTransport(), owner: b.owner}
	t.Prototype(t)
	t.Construct(ctx)
	t.conn = ctx.Websocket
	t.out = newOutbound(ctx.Websocket.NetConn(), b.owner.tasks)
	t.SetWritable(true)
	if h := handshakeOf(ctx.Context()); h != nil {
		h.transport = t
	}
	return t
}

func (*webSocket) Name() string          { return transports.WEBSOCKET }
func (*webSocket) HandlesUpgrades() bool { return true }

// start begins reading; it is called once, when the library's ServeHTTP has returned.
func (t *webSocket) start() {
	t.owner.tasks.add()
	go func() {
		defer t.owner.tasks.done()
		if violated := t.read(); violated {
			t.out.finish()
			t.drain()
		}
		t.out.stop()
		_ = t.conn.Conn.Close()
		t.OnClose()
	}()
}

// Send writes what the library has to say: handshakes, heartbeats, the events of a session that
// has just been upgraded.
func (t *webSocket) Send(packets []*packet.Packet) {
	for _, p := range packets {
		text, err := t.encode(p)
		if err != nil {
			t.owner.log.Error("engine packet not encoded", "err", err, "type", p.Type)
			continue
		}
		t.out.push(text)
	}
	t.Emit("drain")
}

// DoClose says goodbye after what is still queued, or at once when the transport was discarded.
func (t *webSocket) DoClose(fn types.Callable) {
	if t.Discarded() {
		t.out.stop()
		_ = t.conn.Conn.Close()
	} else {
		t.out.finish()
	}
	if fn != nil {
		fn()
	}
}

// read hands on one message after the other. It returns true when the client broke the rules and
// is still to be told what was queued for it, false when the connection has ended.
func (t *webSocket) read() (violated bool) {
	defer t.owner.recovered("reading a websocket")
	for {
		kind, r, err := t.conn.NextReader()
		if err != nil {
			return false
		}
		if kind != websocket.TextMessage {
			return true
		}
		b := buffers.Get().(*bytes.Buffer)
		b.Reset()
		_, err = b.ReadFrom(r)
		ok := err == nil && b.Len() > 0 && (t.ReadyState() != "open" || t.receive(b.Bytes()))
		recycle(b)
		if err != nil {
			return false
		}
		if !ok {
			return true
		}
	}
}

// drain reads on for a moment: closing a socket with unread data would reset the connection and
// take the last frames from the client.
func (t *webSocket) drain() {
	conn := t.conn.NetConn()
	_ = conn.SetReadDeadline(time.Now().Add(goodbyeTime))
	_, _ = io.Copy(io.Discard, conn)
}

// receive handles one Engine.IO packet; false ends the connection. b is reused afterwards.
func (t *webSocket) receive(b []byte) bool {
	l := t.session
	if l != nil && !l.admit() {
		return false
	}
	switch kind, text := b[0], b[1:]; kind {
	case '4':
		if l == nil {
			return false
		}
		handled, ok := l.message(bytes.Clone(text))
		if !ok {
			return false
		}
		if handled == nil {
			return true
		}
		t.OnPacket(&packet.Packet{Type: packet.MESSAGE, Data: handled})
	case '3':
		if l != nil {
			l.ponged()
			t.OnPacket(&packet.Packet{Type: packet.PONG, Data: types.NewStringBuffer(nil)})
		}
	case '2':
		if l != nil { // in version 4 only the server pings, but for the probe of an upgrade
			return false
		}
		t.OnPacket(&packet.Packet{Type: packet.PING, Data: types.NewStringBuffer(bytes.Clone(text))})
	case '5':
		if l != nil {
			return false
		}
		t.OnPacket(&packet.Packet{Type: packet.UPGRADE, Data: types.NewStringBuffer(nil)})
	case '6':
	default:
		return false
	}
	return true
}

func (t *webSocket) encode(p *packet.Packet) (Frame, error) {
	kind, ok := engineKinds[p.Type]
	if !ok {
		return Frame{}, packetTypeError(p.Type)
	}
	if p.Data == nil {
		return engineFrame(kind, nil), nil
	}
	text, err := io.ReadAll(p.Data)
	return engineFrame(kind, text), err
}

type packetTypeError packet.Type

func (e packetTypeError) Error() string { return "no such packet type: " + string(e) }

var engineKinds = map[packet.Type]byte{
	packet.OPEN: '0', packet.CLOSE: '1', packet.PING: '2', packet.PONG: '3',
	packet.MESSAGE: '4', packet.UPGRADE: '5', packet.NOOP: '6',
}
