package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// user is one connection with both namespaces, and its side of one chat.
type user struct {
	kind string // "customer" or "vendor"
	id   int
	ws   *socket

	pending sync.Mutex  // guards due
	due     []time.Time // of each send, by its acknowledgement's id; zero: acknowledged
	lastSeq int64       // of the chat, as this socket saw it
	tally   tally       // only the reader's
	fields  string      // what names the chat and begins the key in a send
}

// tally is what one user saw; only its reader writes it.
type tally struct {
	acked, delivered, duplicates, reordered, refused int
	transit                                          []time.Duration // from when a message was due to its arrival
}

// packet is what the socket's last message says, which holds until the next is read.
type packet struct {
	ack         int // -1: an event
	event, body []byte
}

func token(secret, kind string, id int) (string, error) {
	claims := jwt.MapClaims{"userId": id, "userType": kind, "name": fmt.Sprintf("%s %d", kind, id), "exp": time.Now().Add(time.Hour).Unix()}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
}

// connect joins both namespaces and waits until the last event of connecting has come.
func connect(ctx context.Context, o options, kind string, id int) (*user, error) {
	base := o.urls[0]
	if kind == kinds[1] {
		base = o.urls[len(o.urls)-1]
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	u.Path, u.RawQuery = "/socket.io/", "EIO=4&transport=websocket"
	t, err := token(o.secret, kind, id)
	if err != nil {
		return nil, err
	}
	ws, err := dial(ctx, u, localAddress(id))
	if err != nil {
		return nil, fmt.Errorf("connect %s %d: %w", kind, id, err)
	}
	c, err := join(ws, kind, id, t)
	if err != nil {
		_ = ws.Close()
		return nil, err
	}
	return c, nil
}

// localAddress spreads connections over loopback addresses: one has about 28,000 ports.
func localAddress(id int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+id%200))}
}

func join(ws *socket, kind string, id int, t string) (*user, error) {
	c := &user{kind: kind, id: id, ws: ws,
		fields: `["sendMessage",{"productId":"bench","recipientId":` + strconv.Itoa(id) + `,"clientMessageId":"` + kind[:1] + strconv.Itoa(id) + "-"}
	if _, err := c.read(); err != nil { // the Engine.IO open packet
		return nil, err
	}
	for _, step := range []struct{ nsp, until string }{{"/presence", "connection"}, {"/chat", "offlineMessages"}} {
		if err := c.say("40" + step.nsp + `,{"token":"` + t + `"}`); err != nil {
			return nil, err
		}
		for {
			p, err := c.read()
			if err != nil {
				return nil, fmt.Errorf("join %s as %s %d: %w", step.nsp, kind, id, err)
			}
			if string(p.event) == "appError" {
				return nil, fmt.Errorf("join %s as %s %d: %s", step.nsp, kind, id, p.body)
			}
			if string(p.event) == step.until {
				break
			}
		}
	}
	return c, nil
}

func (c *user) say(s string) error {
	return c.ws.write(opText, func(b []byte) []byte { return append(b, s...) })
}

// read returns the next event or acknowledgement; heartbeats are answered here. A packet that is
// neither comes as an event without a name.
func (c *user) read() (packet, error) {
	for {
		b, err := c.ws.read()
		if err != nil {
			return packet{}, err
		}
		if len(b) == 1 && b[0] == '2' {
			if err := c.say("3"); err != nil {
				return packet{}, err
			}
			continue
		}
		if len(b) < 2 || b[0] != '4' {
			return packet{ack: -1}, nil
		}
		kind, rest := b[1], b[2:]
		if i := bytes.IndexByte(rest, ','); len(rest) > 0 && rest[0] == '/' && i > 0 {
			rest = rest[i+1:]
		}
		switch kind {
		case '2':
			name, body, _ := bytes.Cut(rest, []byte(`",`))
			return packet{ack: -1, event: bytes.TrimPrefix(name, []byte(`["`)), body: body}, nil
		case '3':
			i := bytes.IndexByte(rest, '[')
			if i < 0 {
				return packet{}, fmt.Errorf("an acknowledgement without a body: %q", rest)
			}
			n, err := strconv.Atoi(string(rest[:i]))
			if err != nil {
				return packet{}, fmt.Errorf("an acknowledgement without a number: %q", rest)
			}
			return packet{ack: n, body: rest[i:]}, nil
		}
		return packet{ack: -1, body: rest}, nil
	}
}

// send writes one message that was due at a time, which its text begins with; its acknowledgement
// comes later.
func (c *user) send(text string, due time.Time) error {
	c.pending.Lock()
	n := len(c.due)
	c.due = append(c.due, due)
	c.pending.Unlock()
	return c.ws.write(opText, func(b []byte) []byte {
		b = strconv.AppendInt(append(b, "42/chat,"...), int64(n), 10)
		b = strconv.AppendInt(append(b, c.fields...), int64(n), 10)
		b = append(append(b, runTag...), `","text":"`...)
		b = strconv.AppendInt(b, due.UnixNano(), 10)
		return append(append(b, text...), `"}]`...)
	})
}

// take counts what a packet that came now says. done: an acknowledgement of one's own send, due at that time.
func (c *user) take(p packet, now time.Time) (due time.Time, done bool) {
	if p.ack >= 0 {
		at := c.acknowledged(p.ack)
		switch {
		case at.IsZero():
			return at, false
		case bytes.Contains(p.body[:min(len(p.body), 20)], []byte(`"error":true`)):
			c.tally.refused++
		default:
			c.tally.acked++
			c.see(p.body)
		}
		return at, true
	}
	if event := string(p.event); event == "receiveMessage" || event == "newChat" {
		c.tally.delivered++
		c.see(p.body)
		if at := number(p.body, `"text":"`); at > 0 {
			c.tally.transit = append(c.tally.transit, time.Duration(now.UnixNano()-at))
		}
	}
	return time.Time{}, false
}

// acknowledged returns when a send was due, the first time it is asked.
func (c *user) acknowledged(n int) time.Time {
	c.pending.Lock()
	defer c.pending.Unlock()
	if n >= len(c.due) {
		return time.Time{}
	}
	at := c.due[n]
	c.due[n] = time.Time{}
	return at
}

// see checks that the chat's seq only rises on this socket.
func (c *user) see(body []byte) {
	seq := number(body, `"seq":`)
	switch {
	case seq == c.lastSeq:
		c.tally.duplicates++
	case seq < c.lastSeq:
		c.tally.reordered++
	}
	c.lastSeq = max(c.lastSeq, seq)
}

func number(body []byte, key string) int64 {
	i := bytes.Index(body, []byte(key))
	if i < 0 {
		return 0
	}
	n := int64(0)
	for _, b := range body[i+len(key):] {
		if b < '0' || b > '9' {
			break
		}
		n = n*10 + int64(b-'0')
	}
	return n
}
