package sio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/parsers/socket/v3/parser"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

const (
	maxStrayConnects = 10          // CONNECTs to unknown namespaces before the connection is closed
	leaveWait        = time.Second // for a namespace that is being left, before it is joined again
)

// Link is one Engine.IO connection with its sockets, one for each namespace.
type Link struct {
	server *Server
	engine engine.Socket
	id     string // the Engine.IO session id: a credential on long-polling, never logged
	from   *handshake
	bucket bucket
	stray  int // touched by the reader only

	sendMu sync.Mutex // gives everything that is sent its order, across a change of transport
	out    pipe
	beats  heartbeats

	mu      sync.Mutex
	sockets map[string]*Socket
	left    map[string]bool // namespaces this connection was in before; nil: none
	reason  string          // why this side closes it; "" when it does not

	closing atomic.Bool // this side has begun to close it
	closed  chan struct{}
	once    sync.Once
}

// pipe is the outgoing side of a transport. push never blocks.
type pipe interface {
	push(Frame)
	wait() <-chan struct{}
	whenFull(func())
}

func newLink(s *Server, e engine.Socket, h *handshake) *Link {
	l := &Link{
		server: s, engine: e, id: e.Id(), from: h, bucket: newBucket(s.cfg.PacketsPerSecond),
		sockets: make(map[string]*Socket, 2), closed: make(chan struct{}),
	}
	if h.webSocket != nil {
		h.webSocket.live = true
		l.out = h.webSocket.out
	} else {
		l.out = h.polling
	}
	l.out.whenFull(l.slow)
	return l
}

// Address is the client's address, Query the parameters of the first request.
func (l *Link) Address() string   { return l.from.address }
func (l *Link) Query() url.Values { return l.from.query }

// Failed counts a failed authentication against the client's address.
func (l *Link) Failed() { l.server.ips.failed(l.from.address, time.Now()) }

// Blocked reports whether the client's address has used up the failed authentications of a minute.
func (l *Link) Blocked() bool { return l.server.ips.blocked(l.from.address, time.Now()) }

// Close ends the connection after what is queued was written, if the client reads it within a
// second. It never blocks.
func (l *Link) Close(reason string) {
	l.mu.Lock()
	if l.reason == "" {
		l.reason = reason
	}
	l.mu.Unlock()
	if l.closing.Swap(true) {
		return
	}
	l.server.tasks.run(func() {
		defer l.server.recovered("closing a connection")
		l.engine.Close(false)
		if l.engine.ReadyState() == "closed" {
			l.ended(reason)
		}
	})
}

// wire registers every listener; the connection is not read from yet.
func (l *Link) wire() {
	guarded := func(where string, f func(arg any)) func(...any) {
		return func(args ...any) {
			defer l.server.recovered(where)
			f(args[0])
		}
	}
	_ = l.engine.On("packetCreate", guarded("writing a packet", func(p any) { l.created(p.(*packet.Packet)) }))
	_ = l.engine.Once("close", guarded("a closed connection", func(reason any) { l.ended(fmt.Sprint(reason)) }))
	if l.from.polling != nil {
		_ = l.engine.On("upgrade", guarded("an upgrade", func(t any) { l.upgraded(t.(*webSocket)) }))
	}
	if l.engine.ReadyState() == "closed" {
		l.ended("transport close")
	}
}

// upgraded moves the session, on the new transport's reader, from long-polling to a WebSocket.
func (l *Link) upgraded(t *webSocket) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	l.from.polling.move(t.out)
	l.out = t.out
	l.out.whenFull(l.slow)
	t.live = true
}

// slow cuts a client that does not read.
func (l *Link) slow() {
	if l.closing.Swap(true) {
		return
	}
	l.server.count.slow.Add(1)
	l.server.log.Info("slow consumer cut", "address", l.from.address)
	l.mu.Lock()
	l.reason = "slow consumer"
	l.mu.Unlock()
	defer l.server.recovered("cutting a slow consumer")
	l.engine.Close(true)
}

// created sees every packet before the library queues it.
func (l *Link) created(p *packet.Packet) {
	if p.Data == pingMarker {
		p.Type, p.Data = packet.PING, nil
	}
	if p.Type == packet.PING {
		l.pinged()
	}
}

// send writes a frame unless mute says, under the same lock, that nothing more may be sent.
func (l *Link) send(f Frame, mute *atomic.Bool) {
	l.sendMu.Lock()
	defer l.sendMu.Unlock()
	if mute != nil && mute.Load() {
		return
	}
	l.write(f)
}

func (l *Link) write(f Frame) {
	l.server.count.out.Add(1)
	l.out.push(f)
}

// receive handles one Engine.IO packet of the session's transport; false ends the connection. b is
// reused afterwards.
func (l *Link) receive(t transports.Transport, b []byte) bool {
	if !l.admit() {
		return false
	}
	switch b[0] {
	case '4':
		pass, ok := l.message(bytes.Clone(b[1:]))
		if pass != nil {
			t.OnPacket(&packet.Packet{Type: packet.MESSAGE, Data: pass})
		}
		return ok
	case '3':
		l.ponged()
		t.OnPacket(&packet.Packet{Type: packet.PONG, Data: types.NewStringBuffer(nil)})
	case '6':
	default: // in version 4 only the server pings
		return false
	}
	return true
}

// admit takes a packet's token from the bucket, waiting for it if need be; false ends the connection.
func (l *Link) admit() bool {
	wait, ok := l.bucket.take(time.Now())
	if !ok {
		l.server.count.flooded.Add(1)
		for _, s := range l.all() {
			s.peer.Flooded()
		}
		return false
	}
	if wait == 0 {
		return true
	}
	l.server.count.throttled.Add(1)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-l.closed:
		return false
	}
}

// message handles one Socket.IO packet on the reader. It returns what the library must see, nil
// for nothing, and false when the connection must end. b is not reused.
func (l *Link) message(b []byte) (*passed, bool) {
	p, err := Parse(b)
	if err != nil || l.closing.Load() {
		return nil, false
	}
	switch p.Kind {
	case Connect:
		return l.connect(p)
	case Disconnect:
		l.mu.Lock()
		s, left := l.sockets[string(p.Nsp)], l.left[string(p.Nsp)]
		l.mu.Unlock()
		if s == nil || !s.isOpen() {
			return nil, left || (s != nil && s.leaving.Load())
		}
		s.leaving.Store(true)
		return &passed{parser.DISCONNECT, s.nsp}, s.settled()
	case Event:
		l.mu.Lock()
		s, left := l.sockets[string(p.Nsp)], l.left[string(p.Nsp)]
		l.mu.Unlock()
		if s == nil || !s.isOpen() {
			// A client may still be talking to a socket this side has just disconnected.
			return nil, left || (s != nil && s.leaving.Load())
		}
		if !s.leaving.Load() {
			l.server.count.in.Add(1)
			s.peer.Event(p)
		}
	}
	return nil, true // acknowledgements were never asked for
}

func (l *Link) connect(p Packet) (*passed, bool) {
	nsp := string(p.Nsp)
	open := l.server.spots[nsp]
	if open == nil {
		if l.stray++; l.stray > maxStrayConnects {
			return nil, false
		}
		l.send(newConnectError(nsp, "Invalid namespace"), nil)
		return nil, true
	}
	if old := l.socket(nsp); old != nil {
		if !old.leaving.Load() {
			return nil, false // a second CONNECT is against the protocol
		}
		wait := time.NewTimer(leaveWait)
		defer wait.Stop()
		select {
		case <-old.done:
		case <-wait.C:
			return nil, false
		}
	}
	token, ok := tokenOf(p.Arg, l.from.authorization)
	if !ok {
		return nil, false
	}
	s := &Socket{Link: l, nsp: nsp, token: token, ready: make(chan struct{}), done: make(chan struct{})}
	s.peer = open(s)
	l.mu.Lock()
	l.sockets[nsp] = s
	l.mu.Unlock()
	return &passed{parser.CONNECT, nsp}, true
}

// ended runs once, when the transport has gone.
func (l *Link) ended(reason string) {
	l.once.Do(func() {
		l.server.links.Delete(l.id)
		l.server.ips.release(l.from.address)
		l.server.count.opened.Add(-1)
		l.mu.Lock()
		if l.reason != "" {
			reason = l.reason
		}
		l.mu.Unlock()
		close(l.closed)
		for _, s := range l.all() {
			s.ended(reason)
		}
		l.server.tasks.done()
	})
}

func (l *Link) socket(nsp string) *Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sockets[nsp]
}

func (l *Link) all() []*Socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*Socket, 0, len(l.sockets))
	for _, s := range l.sockets {
		all = append(all, s)
	}
	return all
}

// remove forgets a socket and closes the connection when the last one has been gone for a while.
func (l *Link) remove(s *Socket) {
	l.mu.Lock()
	if l.sockets[s.nsp] == s {
		delete(l.sockets, s.nsp)
		if l.left == nil {
			l.left = map[string]bool{}
		}
		l.left[s.nsp] = true
	}
	empty := len(l.sockets) == 0
	l.mu.Unlock()
	if empty && !l.isClosed() {
		time.AfterFunc(idleTimeout, func() {
			if len(l.all()) == 0 {
				l.Close("no namespace left")
			}
		})
	}
}

func (l *Link) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// tokenOf reads auth.token of a CONNECT; without one, the Authorization header of the first
// request. A token that is not a string is "", which no verifier accepts.
func tokenOf(body json.RawMessage, authorization string) (token string, ok bool) {
	if len(body) == 0 {
		return authorization, true
	}
	s := scanner{b: body}
	if v, ok := s.value(); !ok || s.space() != 0 || s.i != len(body) || len(v) != len(bytes.TrimSpace(body)) {
		return "", false
	}
	var auth struct {
		Token json.RawMessage `json:"token"`
	}
	if json.Unmarshal(body, &auth) != nil {
		return "", false
	}
	if len(auth.Token) == 0 || bytes.Equal(auth.Token, []byte("null")) {
		return authorization, true
	}
	if json.Unmarshal(auth.Token, &token) != nil {
		return "", true
	}
	return token, true
}
