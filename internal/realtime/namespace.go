package realtime

import (
	"context"
	"encoding/json"
	"net/url"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/realtime/sio"
	"chaffer/internal/wire"
)

// Hooks are what a feature wants to know of the sockets of its namespace; each may be nil.
type Hooks struct {
	// Authenticate says who a socket is, for contracts whose clients present something else than
	// one token. Nil: the server's Verifier reads Credentials.Token. Every error refuses the socket.
	Authenticate func(ctx context.Context, c Credentials) (auth.Identity, error)
	// Connect runs after the token was verified, in a goroutine of its own; no event handler of
	// this Conn runs before it returned nil (events wait, bounded). An error refuses: the failure
	// event, then a disconnect, and nothing else. ctx ends with the socket.
	Connect func(ctx context.Context, c *Conn) error
	// Disconnect runs exactly once for each Connect that was called, after Connect has returned
	// and after no handler of c is running.
	Disconnect func(c *Conn, reason string)
	// Pinged: a heartbeat is being written to this connection, after everything sent so far. It
	// is called only for sockets whose Connect was called, and must not block.
	Pinged func(c *Conn)
	// Ponged: the answer to that heartbeat came; everything sent before Pinged has arrived. It
	// runs on the connection's reader and must not block.
	Ponged func(c *Conn)
	// Failure names and fills the event that tells a client of a failure; event is the client
	// event that failed or "". Nil: "appError" with wire.Fail(err, event). The acknowledgement has
	// the same payload, unless it is Two.
	Failure func(err error, event string) (name string, payload any)
}

// Two is a failure whose acknowledgement is not what its event carries.
type Two struct{ Event, Ack any }

// Namespace is one Socket.IO namespace: its events, and who is connected to it on this node.
type Namespace struct {
	server   *Server
	path     string
	hooks    Hooks
	handlers map[string]handler
	unknown  func(ctx context.Context, c *Conn, event string) error
	table    []EventInfo
	members  members
}

// Credentials are what a client presented when it connected. Never log them.
type Credentials struct {
	Token         string          // auth.token, else the Authorization header
	Auth          json.RawMessage // the whole auth object, nil when there was none
	Authorization string
	Cookie        string // only with Options.Cookies
	Query         url.Values
}

// Namespace declares a namespace such as "/chat", before Handler serves.
func (s *Server) Namespace(path string, h Hooks) *Namespace {
	n := s.newNamespace(path, h)
	s.sio.Handle(path, func(sock *sio.Socket) sio.Peer {
		if other := s.dialects[path][sock.Query().Get("dialect")]; other != nil {
			return peer{newConn(other, sock)}
		}
		return peer{newConn(n, sock)}
	})
	return n
}

// Dialect declares another contract on the path of a Namespace: its sockets are those whose address
// says ?dialect=name. The two share nothing but the path.
func (s *Server) Dialect(path, name string, h Hooks) *Namespace {
	n := s.newNamespace(path, h)
	if s.dialects[path] == nil {
		s.dialects[path] = map[string]*Namespace{}
	}
	s.dialects[path][name] = n
	return n
}

func (s *Server) newNamespace(path string, h Hooks) *Namespace {
	if h.Failure == nil {
		h.Failure = func(err error, event string) (string, any) { return "appError", wire.Fail(err, event) }
	}
	n := &Namespace{
		server: s, path: path, hooks: h, handlers: map[string]handler{}, members: newMembers(),
		unknown: func(_ context.Context, _ *Conn, event string) error {
			return apperr.New(apperr.Invalid, `Unknown event "`+event+`"`)
		},
	}
	s.namespaces = append(s.namespaces, n)
	return n
}

// Path is the namespace's name, such as "/chat".
func (n *Namespace) Path() string { return n.path }

// Unknown replaces what happens to an event without a handler: an error is answered like a
// handler's, nil answers nothing. By default it is a 400 `Unknown event "x"`.
func (n *Namespace) Unknown(f func(ctx context.Context, c *Conn, event string) error) { n.unknown = f }

// Conns are the user's sockets in this namespace on this node, those included whose Connect is
// still running. The slice is shared: do not change it.
func (n *Namespace) Conns(u models.UserRef) []*Conn { return n.members.of(u) }

// Users are the people with a socket in this namespace on this node, in no order.
func (n *Namespace) Users() []models.UserRef { return n.members.users() }

// Each calls f for every socket that Conns would give; f may take its time.
func (n *Namespace) Each(f func(*Conn)) {
	for _, u := range n.members.users() {
		for _, c := range n.members.of(u) {
			f(c)
		}
	}
}

// Frame is an encoded event of one namespace: immutable, and shared by any number of sockets.
type Frame struct{ f sio.Frame }

// Encode encodes an event once for many sockets. The payload is encoded with encoding/json; a
// json.RawMessage goes out as it is.
func (n *Namespace) Encode(event string, payload any) (Frame, error) {
	f, err := sio.NewEvent(n.path, event, payload)
	return Frame{f}, err
}

// Size is the length of the encoded packet in bytes.
func (f Frame) Size() int { return f.f.Size() }
