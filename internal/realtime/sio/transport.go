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
	conn  *types.WebSocketConn
	out   *outbound
	owner *Server
	h     *handshake
	live  bool // the session is on this transport; set before reading starts, or by the reader
}

func newWebSocket(s *Server, ctx *types.HttpContext, h *handshake) *webSocket {
	t := &webSocket{Transport: transports.MakeTransport(), owner: s, h: h, conn: ctx.Websocket}
	t.Prototype(t)
	t.Construct(ctx)
	t.out = newOutbound(ctx.Websocket.NetConn(), s.tasks)
	t.SetWritable(true)
	return t
}

func (*webSocket) Name() string          { return transports.WEBSOCKET }
func (*webSocket) HandlesUpgrades() bool { return true }

// start begins reading; it is called once, when the library's ServeHTTP has returned.
func (t *webSocket) start() {
	t.owner.tasks.add()
	go t.serve()
}

// serve is the connection's own goroutine and not one of tasks.run: it waits in the depth of a Read for
// as long as the connection lives, and the few frames above it would keep its stack at 8 KB instead of 4.
func (t *webSocket) serve() {
	defer t.owner.tasks.done()
	if violated := t.read(); violated {
		t.out.finish()
		t.drain()
	}
	t.out.stop()
	_ = t.conn.Conn.Close()
	t.OnClose()
}

// Send writes what the library has to say: the opening, heartbeats, connects and disconnects.
// What belongs to the session keeps its place among the frames of the session.
func (t *webSocket) Send(packets []*packet.Packet) {
	l := t.h.link.Load()
	for _, p := range packets {
		f, err := encode(p)
		switch {
		case err != nil:
			t.owner.log.Error("packet not encoded", "err", err, "type", p.Type)
		case l != nil && (p.Type == packet.MESSAGE || p.Type == packet.PING):
			l.send(f, nil)
		default:
			t.out.push(f)
		}
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

// receive handles one Engine.IO packet; false ends the connection. b is reused afterwards.
func (t *webSocket) receive(b []byte) bool {
	if t.live {
		return t.h.link.Load().receive(t, b)
	}
	// Only the two packets of an upgrade can come before the session does.
	switch kind, text := b[0], b[1:]; kind {
	case '2':
		t.OnPacket(&packet.Packet{Type: packet.PING, Data: types.NewStringBuffer(bytes.Clone(text))})
	case '5':
		t.OnPacket(&packet.Packet{Type: packet.UPGRADE, Data: types.NewStringBuffer(nil)})
	default:
		return false
	}
	return true
}

// drain reads on for a moment: closing a socket with unread data would reset the connection and
// take the last frames from the client.
func (t *webSocket) drain() {
	conn := t.conn.NetConn()
	_ = conn.SetReadDeadline(time.Now().Add(goodbyeTime))
	_, _ = io.Copy(io.Discard, conn)
}

// builder makes this package's transports under the names the library knows.
type builder struct {
	owner *Server
	name  string
}

func (b *builder) Name() string          { return b.name }
func (b *builder) HandlesUpgrades() bool { return b.name == transports.WEBSOCKET }

func (b *builder) UpgradesTo() []string {
	if b.name == transports.POLLING {
		return []string{transports.WEBSOCKET}
	}
	return nil
}

func (b *builder) New(ctx *types.HttpContext) transports.Transport {
	h := handshakeOf(ctx.Context())
	if b.name == transports.POLLING {
		h.polling = newPolling(ctx, b.owner.tasks)
		return h.polling
	}
	h.webSocket = newWebSocket(b.owner, ctx, h)
	return h.webSocket
}

// encode turns a packet of the library into a frame.
func encode(p *packet.Packet) (Frame, error) {
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
