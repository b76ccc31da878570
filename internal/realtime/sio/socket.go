package sio

import (
	"encoding/json"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zishang520/socket.io/servers/socket/v3"
)

// Socket is one connection in one namespace.
type Socket struct {
	*Link
	nsp     string
	token   string
	auth    json.RawMessage // what came with CONNECT
	peer    Peer
	lib     atomic.Pointer[socket.Socket]
	mute    atomic.Bool   // nothing more is sent
	leaving atomic.Bool   // either side has asked to end it
	ready   chan struct{} // closed when the library has made all its entries
	done    chan struct{} // closed when it has ended
	endOnce sync.Once
}

// ID is the Socket.IO id of this socket, no secret. It is "" before the library has made it.
func (s *Socket) ID() string {
	if lib := s.lib.Load(); lib != nil {
		return string(lib.Id())
	}
	return ""
}

// Token is what the client presented, perhaps with "Bearer "; "" when nothing usable. It is
// given out once and forgotten.
func (s *Socket) Token() string {
	t := s.token
	s.token = ""
	return t
}

// Credentials is everything the client presented: the body of its CONNECT, and the Authorization
// header and, where kept, the cookies of the request that opened the connection. It is given out
// once and forgotten.
func (s *Socket) Credentials() (auth json.RawMessage, authorization, cookie string) {
	auth = s.auth
	s.auth = nil
	return auth, s.from.authorization, s.from.cookie
}

// Peer is what the namespace's user put behind this socket.
func (s *Socket) Peer() Peer { return s.peer }

// Send queues a frame of this socket's namespace. It never blocks; a client that leaves too much
// unread is cut. After Last or Disconnect nothing is sent.
func (s *Socket) Send(f Frame) { s.send(f, &s.mute) }

// Unread returns a channel that is closed when the client has read enough for more to be sent,
// nil when it has now.
func (s *Socket) Unread() <-chan struct{} {
	s.sendMu.Lock()
	out := s.out
	s.sendMu.Unlock()
	return out.wait()
}

// Disconnect ends the socket with a last frame, if given: nothing else comes after it. Closing
// the transport at the same time would lose the frame, so that is left to CloseLater.
func (s *Socket) Disconnect(last *Frame) {
	s.sendMu.Lock()
	first := !s.mute.Swap(true)
	if first && last != nil {
		s.write(*last)
	}
	s.sendMu.Unlock()
	if !first {
		return
	}
	s.leaving.Store(true)
	if lib := s.lib.Load(); lib != nil {
		lib.Disconnect(false)
	}
}

// CloseLater closes the whole connection after a while; with unlessUsed only if no other
// namespace is in use on it by then.
func (s *Socket) CloseLater(after time.Duration, unlessUsed bool, reason string) {
	time.AfterFunc(after, func() {
		if unlessUsed && len(s.all()) > 0 {
			return
		}
		s.Close(reason)
	})
}

// attach wires the library's socket before it can be connected.
func (s *Socket) attach(lib *socket.Socket) {
	s.lib.Store(lib)
	if h := lib.Handshake(); h != nil { // copies of what the request said, which nobody asks for: 1.6 KB
		h.Headers, h.Query, h.Auth = nil, nil, nil
	}
	_ = lib.On("disconnect", func(args ...any) {
		defer s.server.recovered("a disconnected socket")
		reason, _ := args[0].(string)
		s.ended(reason)
	})
}

// opened is the library's "connection".
func (s *Socket) opened() {
	close(s.ready)
	select {
	case <-s.done:
	default:
		s.peer.Opened()
	}
}

// settled waits until the library knows the socket: it tells the client first and makes its
// entries afterwards, and a DISCONNECT that comes in between would close the whole connection.
func (s *Socket) settled() bool {
	t := time.NewTimer(leaveWait)
	defer t.Stop()
	select {
	case <-s.ready:
	case <-s.done:
	case <-t.C:
		return false
	}
	return true
}

// isOpen reports whether the client has been told that it is connected.
func (s *Socket) isOpen() bool {
	lib := s.lib.Load()
	return lib != nil && lib.Connected()
}

// ended runs once, by the library's "disconnect" or when the transport has gone, whichever is first.
func (s *Socket) ended(reason string) {
	s.endOnce.Do(func() {
		s.mute.Store(true)
		s.Link.mu.Lock()
		if s.reason != "" {
			reason = s.reason
		}
		s.Link.mu.Unlock()
		s.remove(s)
		close(s.done)
		s.peer.Closed(reason)
	})
	if lib := s.lib.Load(); lib != nil {
		lib.Disconnect(false) // nothing, unless the library has missed the end
	}
}
