package sio

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/parsers/socket/v3/parser"
	"github.com/zishang520/socket.io/servers/engine/v3/transports"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

const (
	maxStrayConnects = 10          // CONNECTs to unknown namespaces before the connection is closed
	leaveWait        = time.Second // for a namespace that is being left, before it is joined again
)

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
	s := &Socket{Link: l, nsp: nsp, token: token, auth: bytes.Clone(p.Arg), ready: make(chan struct{}), done: make(chan struct{})}
	s.peer = open(s)
	l.mu.Lock()
	l.sockets[nsp] = s
	l.mu.Unlock()
	return &passed{parser.CONNECT, nsp}, true
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
