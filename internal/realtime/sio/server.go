// Package sio tames the Socket.IO library: it guards its HTTP door, gives it a strict parser and a
// bounded WebSocket transport, and turns its callbacks into the few calls of Peer. It knows
// connections and namespaces, and nothing of users. Which behaviour of the library is answered
// where is told in the documentation of package realtime.
package sio

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/servers/engine/v3"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/servers/socket/v3"
	liblog "github.com/zishang520/socket.io/v3/pkg/log"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

const (
	connectTimeout = 10 * time.Second // from the handshake to the first namespace
	upgradeTimeout = 10 * time.Second
	idleTimeout    = 3 * time.Second // from the last namespace left to the close of the connection
	bodyTimeout    = 10 * time.Second
	sweepInterval  = 10 * time.Second
)

// Config is what a Server needs; zero limits are off.
type Config struct {
	AllowedOrigins []string
	AllowOrigin    func(origin, host string) bool // besides AllowedOrigins and this host's pages; nil: none
	ClientIP       func(*http.Request) string     // nil: the host of RemoteAddr
	Cookies        bool                           // keep the cookies of a handshake for Socket.Credentials
	PingInterval   time.Duration
	PingTimeout    time.Duration // longer than PingInterval

	PacketsPerSecond       int
	ConnectsPerMinutePerIP int
	ConnectionsPerIP       int
	FailuresPerMinutePerIP int // failed authentications, see Link.Failed

	Log   *slog.Logger
	Panic func(where string, value any, stack []byte) // called for every panic that was recovered
}

// Peer is what a namespace's user puts behind one of its sockets. The calls come from goroutines
// of the server and must not block, Event excepted: it runs on the connection's reader, so
// waiting there slows the client down.
type Peer interface {
	// Opened: the client has been told that it is connected. Not called when it left before.
	Opened()
	// Event is one event, in the order the client sent them, perhaps before Opened, never after
	// Closed. The packet's memory belongs to the peer.
	Event(p Packet)
	// Pinged: a heartbeat is about to be written, after everything sent so far.
	Pinged()
	// Ponged: the client answered that heartbeat.
	Ponged()
	// Flooded: the client has sent more than it may for too long; the connection ends next.
	Flooded()
	// Closed comes exactly once, also when Opened never came.
	Closed(reason string)
}

// Server is the library behind its guard.
type Server struct {
	cfg   Config
	log   *slog.Logger
	io    *socket.Server
	eio   http.Handler
	spots map[string]func(*Socket) Peer // by namespace; fixed before serving
	ips   *addresses
	count counters
	tasks *tasks

	links    sync.Map // Engine.IO session id → *Link
	draining atomic.Bool
	quit     chan struct{}
	quitOnce sync.Once
}

// New prepares a server; Shutdown ends it.
func New(cfg Config) *Server {
	// The library prints packets, tokens included, when this variable is set.
	_ = os.Unsetenv("DEBUG")
	liblog.DEBUG.Store(false)
	if cfg.ClientIP == nil {
		cfg.ClientIP = remoteHost
	}
	s := &Server{cfg: cfg, log: cfg.Log, spots: map[string]func(*Socket) Peer{}, tasks: &tasks{}, quit: make(chan struct{})}
	s.ips = newAddresses(cfg)

	o := socket.DefaultServerOptions()
	o.SetServeClient(false)
	o.SetParser(strict{})
	o.SetConnectTimeout(connectTimeout)
	o.SetPingInterval(cfg.PingInterval)
	o.SetPingTimeout(cfg.PingTimeout)
	o.SetUpgradeTimeout(upgradeTimeout)
	o.SetMaxHttpBufferSize(MaxPayload)
	o.SetIdleTimeout(0) // heartbeats end silent connections
	o.SetAllowEIO3(false)
	o.SetHttpCompression(nil)
	o.SetTransports(types.NewSet[transports.TransportCtor](&builder{s, transports.POLLING}, &builder{s, transports.WEBSOCKET}))
	s.io = socket.NewServer(nil, o)
	s.eio = s.io.ServeHandler(nil)
	_ = s.io.Engine().On("connection", func(args ...any) {
		defer s.recovered("a new connection")
		s.connected(args[0].(engine.Socket))
	})
	s.tasks.run(s.sweep)
	return s
}

// Handle makes a namespace. open is called on the reader for each client that connects to it.
func (s *Server) Handle(nsp string, open func(*Socket) Peer) {
	s.spots[nsp] = open
	n := s.io.Of(nsp, nil)
	n.Use(func(sock *socket.Socket, next func(*socket.ExtendedError)) {
		defer s.recovered("a namespace's middleware")
		spot := s.find(sock)
		if spot == nil {
			next(socket.NewExtendedError("The connection has gone", nil))
			return
		}
		spot.attach(sock)
		next(nil)
	})
	_ = n.On("connection", func(args ...any) {
		defer s.recovered("a namespace's connection")
		sock := args[0].(*socket.Socket)
		if spot := s.find(sock); spot != nil && spot.lib.Load() == sock {
			spot.opened()
			return
		}
		// The transport closed while the library was connecting this socket, and was not looked for
		// among its namespaces: it would stay there for ever.
		sock.Disconnect(false)
	})
}

// Shutdown refuses new connections, closes the open ones one after the other within spread and
// waits until every callback, goroutine and request has ended. When ctx ends first, whatever is
// still open is closed at once and the context's error returned.
func (s *Server) Shutdown(ctx context.Context, spread time.Duration) error {
	s.draining.Store(true)
	var open []*Link
	s.links.Range(func(_, l any) bool {
		open = append(open, l.(*Link))
		return true
	})
	tick := time.NewTimer(0)
	defer tick.Stop()
	for i, l := range open {
		tick.Reset(spread / time.Duration(len(open)))
		l.Close("server shutting down")
		if i == len(open)-1 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Reset(0)
		}
	}
	// A handshake that was let in before draining may have become a connection since.
	s.links.Range(func(_, l any) bool {
		l.(*Link).Close("server shutting down")
		return true
	})
	s.quitOnce.Do(func() { close(s.quit) })
	err := s.tasks.wait(ctx)
	s.tasks.end()
	s.io.Close(nil)
	return err
}

// Go runs f in a goroutine that Shutdown waits for.
func (s *Server) Go(f func()) { s.tasks.run(f) }

// Begin and Done enclose work without a goroutine of its own that Shutdown must wait for.
func (s *Server) Begin() { s.tasks.add() }

// Done ends what Begin began.
func (s *Server) Done() { s.tasks.done() }

// connected wires the library's connection before anything is read from it.
func (s *Server) connected(e engine.Socket) {
	h := handshakeOf(e.Request().Context())
	l := newLink(s, e, h)
	h.link.Store(l)
	s.links.Store(l.id, l)
	s.tasks.add()
	s.count.opened.Add(1)
	l.wire()
	if s.draining.Load() {
		l.Close("server shutting down")
	}
}

func (s *Server) find(sock *socket.Socket) *Socket {
	if l, ok := s.links.Load(sock.Conn().Id()); ok {
		return l.(*Link).socket(sock.Nsp().Name())
	}
	return nil
}

// sweep drops connections whose close the library has not told us of, and old address counts.
func (s *Server) sweep() {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		select {
		case <-s.quit:
			return
		case now := <-tick.C:
			s.reap()
			s.ips.sweep(now)
		}
	}
}

func (s *Server) reap() {
	s.links.Range(func(_, v any) bool {
		if l := v.(*Link); l.engine.ReadyState() == "closed" {
			l.ended("transport gone")
		}
		return true
	})
}

// recovered is deferred in every callback the library runs: it would swallow the panic.
func (s *Server) recovered(where string) {
	if v := recover(); v != nil {
		s.count.panics.Add(1)
		if s.cfg.Panic != nil {
			s.cfg.Panic(where, v, debug.Stack())
		}
	}
}

// handshake is what is known of a connection from the request that opened it.
type handshake struct {
	address       string
	userAgent     string
	authorization string
	cookie        string // only where Config.Cookies wants it
	query         url.Values

	polling   *polling // the transport, one of the two, set by the library's call of builder.New
	webSocket *webSocket
	link      atomic.Pointer[Link] // set when the library has accepted the connection; an upgrade has it from the start
}

type handshakeKey struct{}

func handshakeOf(ctx context.Context) *handshake {
	h, _ := ctx.Value(handshakeKey{}).(*handshake)
	return h
}

func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
