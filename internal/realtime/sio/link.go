package sio

import (
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
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
func (l *Link) Address() string { return l.from.address }

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
