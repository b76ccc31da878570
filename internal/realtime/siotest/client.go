// Package siotest is a small Socket.IO client for tests: raw Engine.IO v4 and Socket.IO v5 over
// one WebSocket, and helpers for long-polling. It keeps everything received, in order, so a test
// waits for events with a deadline and never sleeps.
package siotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// Timeout bounds every wait of this package that is not given a timeout of its own.
const Timeout = 10 * time.Second

// Kinds of a Received, the packet types of the Socket.IO protocol that a server sends.
const (
	KindConnect      = '0'
	KindDisconnect   = '1'
	KindEvent        = '2'
	KindAck          = '3'
	KindConnectError = '4'
)

// Received is one Socket.IO packet from the server.
type Received struct {
	Kind  byte              // one of the Kind constants
	Nsp   string            // "/chat"; "/" for the default namespace
	Event string            // only of a KindEvent
	ID    int               // only of a KindAck
	Args  []json.RawMessage // the event's payloads or the acknowledgement's arguments; for other kinds the one body
	At    time.Time
	taken bool
}

// Arg is the first argument, or nil.
func (r Received) Arg() json.RawMessage {
	if len(r.Args) == 0 {
		return nil
	}
	return r.Args[0]
}

// Client is one connection. Its methods may be called from several goroutines.
type Client struct {
	tb   testing.TB
	conn link
	open json.RawMessage // the body of the OPEN packet

	writeMu sync.Mutex

	mu         sync.Mutex
	changed    chan struct{} // closed and renewed at every change of what follows
	received   []Received
	err        error // why reading ended
	pings      int
	nextID     int
	heartbeats bool
	paused     bool

	done chan struct{} // the reader has ended
}

// Dial opens a WebSocket to baseURL ("http://127.0.0.1:3000"), reads the OPEN packet and starts
// reading. The connection is closed with the test.
func Dial(tb testing.TB, baseURL string, opts ...Option) *Client {
	tb.Helper()
	c, resp, err := TryDial(tb, baseURL, opts...)
	if err != nil {
		status := 0
		if resp != nil {
			status = resp.StatusCode
		}
		tb.Fatalf("siotest: dial %s: %v (HTTP status %d)", baseURL, err, status)
	}
	return c
}

// TryDial is Dial for connections that may be refused; the response is the refusal.
func TryDial(tb testing.TB, baseURL string, opts ...Option) (*Client, *http.Response, error) {
	s := settings{query: url.Values{"EIO": {"4"}, "transport": {"websocket"}}, header: http.Header{}}
	for _, o := range opts {
		o(&s)
	}
	if s.polling {
		conn, resp, err := dialPolling(tb, baseURL, opts)
		if err != nil {
			return nil, resp, err
		}
		return newClient(tb, conn, s, resp)
	}
	u := "ws" + strings.TrimPrefix(strings.TrimRight(baseURL, "/"), "http") + "/socket.io/?" + s.query.Encode()
	d := websocket.Dialer{HandshakeTimeout: Timeout, ReadBufferSize: s.readBuffer}
	conn, resp, err := d.Dial(u, s.header)
	if err != nil {
		return nil, resp, err
	}
	return newClient(tb, conn, s, resp)
}

// newClient reads the OPEN packet and starts reading what follows it.
func newClient(tb testing.TB, conn link, s settings, resp *http.Response) (*Client, *http.Response, error) {
	c := &Client{tb: tb, conn: conn, changed: make(chan struct{}), done: make(chan struct{}), heartbeats: !s.silent, paused: s.paused}
	if !s.upgrade {
		_ = conn.SetReadDeadline(time.Now().Add(Timeout))
		_, b, err := conn.ReadMessage()
		if err != nil || len(b) == 0 || b[0] != '0' {
			_ = conn.Close()
			return nil, resp, fmt.Errorf("no OPEN packet but %q: %w", b, errors.Join(err))
		}
		_ = conn.SetReadDeadline(time.Time{})
		c.open = b[1:]
	}
	go c.read()
	tb.Cleanup(c.Close)
	return c, resp, nil
}

// Connect joins a namespace with a token ("" sends none) and waits for the server's reply.
func (c *Client) Connect(nsp, token string) {
	c.tb.Helper()
	var auth any
	if token != "" {
		auth = map[string]string{"token": token}
	}
	if _, err := c.TryConnect(nsp, auth); err != nil {
		c.tb.Fatalf("siotest: connect %s: %v", nsp, err)
	}
}

// TryConnect joins a namespace with any auth payload (nil sends none) and returns the socket's id,
// or the message of the refusal.
func (c *Client) TryConnect(nsp string, auth any) (string, error) {
	body := ""
	if auth != nil {
		body = string(c.encode(auth))
	}
	c.Raw("40" + prefix(nsp) + body)
	r, err := c.take(Timeout, func(r Received) bool {
		return r.Nsp == nsp && (r.Kind == KindConnect || r.Kind == KindConnectError)
	})
	if err != nil {
		return "", err
	}
	var reply struct{ Sid, Message string }
	_ = json.Unmarshal(r.Arg(), &reply)
	if r.Kind == KindConnectError {
		return "", errors.New(reply.Message)
	}
	return reply.Sid, nil
}

// Disconnect leaves a namespace.
func (c *Client) Disconnect(nsp string) { c.Raw("41" + prefix(nsp)) }

// Emit sends an event with one payload; nil sends none, json.RawMessage goes as it is.
func (c *Client) Emit(nsp, event string, payload any) {
	c.Raw("42" + prefix(nsp) + c.array(event, payload))
}

// EmitAck sends an event and waits for the first argument of its acknowledgement.
func (c *Client) EmitAck(nsp, event string, payload any, timeout time.Duration) json.RawMessage {
	c.tb.Helper()
	b, err := c.TryEmitAck(nsp, event, payload, timeout)
	if err != nil {
		c.tb.Fatalf("siotest: %s %s: no acknowledgement: %v", nsp, event, err)
	}
	return b
}

// TryEmitAck is EmitAck for events that may stay unanswered.
func (c *Client) TryEmitAck(nsp, event string, payload any, timeout time.Duration) (json.RawMessage, error) {
	id := c.EmitID(nsp, event, payload)
	return c.TryAck(nsp, id, timeout)
}

// EmitID sends an event that asks for an acknowledgement and returns its id, for TryAck.
func (c *Client) EmitID(nsp, event string, payload any) int {
	c.mu.Lock()
	id := c.nextID
	c.nextID++
	c.mu.Unlock()
	c.Raw(fmt.Sprintf("42%s%d%s", prefix(nsp), id, c.array(event, payload)))
	return id
}

// TryAck waits for the acknowledgement with the given id.
func (c *Client) TryAck(nsp string, id int, timeout time.Duration) (json.RawMessage, error) {
	r, err := c.take(timeout, func(r Received) bool { return r.Kind == KindAck && r.Nsp == nsp && r.ID == id })
	return r.Arg(), err
}

// Expect waits for the next event of that name, consumes it and returns its first payload.
func (c *Client) Expect(nsp, event string, timeout time.Duration) json.RawMessage {
	c.tb.Helper()
	b, err := c.TryExpect(nsp, event, timeout)
	if err != nil {
		c.tb.Fatalf("siotest: no %s %s: %v; received: %s", nsp, event, err, c.summary())
	}
	return b
}

// TryExpect is Expect for events that may not come.
func (c *Client) TryExpect(nsp, event string, timeout time.Duration) (json.RawMessage, error) {
	r, err := c.take(timeout, func(r Received) bool { return r.Kind == KindEvent && r.Nsp == nsp && r.Event == event })
	return r.Arg(), err
}

// ExpectDisconnect waits for the server to disconnect the namespace.
func (c *Client) ExpectDisconnect(nsp string, timeout time.Duration) {
	c.tb.Helper()
	if _, err := c.take(timeout, func(r Received) bool { return r.Kind == KindDisconnect && r.Nsp == nsp }); err != nil {
		c.tb.Fatalf("siotest: %s was not disconnected: %v; received: %s", nsp, err, c.summary())
	}
}

// ExpectClosed waits for the server to close the connection.
func (c *Client) ExpectClosed(timeout time.Duration) {
	c.tb.Helper()
	select {
	case <-c.done:
	case <-time.After(timeout):
		c.tb.Fatalf("siotest: the connection is still open after %s; received: %s", timeout, c.summary())
	}
}
