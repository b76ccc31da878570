package siotest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

var errTimeout = errors.New("timed out")

// Received returns everything the server has sent so far, in order, also what Expect consumed.
func (c *Client) Received() []Received {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Received(nil), c.received...)
}

// Events returns the names of the events received in a namespace so far, in order.
func (c *Client) Events(nsp string) []string {
	var names []string
	for _, r := range c.Received() {
		if r.Kind == KindEvent && r.Nsp == nsp {
			names = append(names, r.Event)
		}
	}
	return names
}

// Pings is how many heartbeats have come.
func (c *Client) Pings() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pings
}

// Open is the body of the OPEN packet: sid, pingInterval, pingTimeout, maxPayload.
func (c *Client) Open() json.RawMessage { return c.open }

// Heartbeats switches the answering of pings on or off.
func (c *Client) Heartbeats(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.heartbeats = on
}

// StopReading leaves everything in the network's buffers from the next message on;
// ResumeReading takes it up again.
func (c *Client) StopReading() { c.setPaused(true) }

// ResumeReading undoes StopReading.
func (c *Client) ResumeReading() { c.setPaused(false) }

// Raw writes one text message as it is, such as "42/chat,[\"x\"]". A closed connection is no error.
func (c *Client) Raw(text string) { _ = c.Message(websocket.TextMessage, []byte(text)) }

// Message writes one WebSocket message of any type.
func (c *Client) Message(kind int, b []byte) error {
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(Timeout))
	return c.conn.WriteMessage(kind, b)
}

// Err is why the connection ended, nil while it is open. A *websocket.CloseError carries the code.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the connection has ended.
func (c *Client) Done() <-chan struct{} { return c.done }

// Close drops the connection and waits for the reader.
func (c *Client) Close() {
	_ = c.conn.Close()
	c.setPaused(false)
	<-c.done
}

// Wait blocks until ok holds for what has been received, or the timeout passes.
func (c *Client) Wait(timeout time.Duration, ok func([]Received) bool) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	for {
		c.mu.Lock()
		good, changed, err := ok(c.received), c.changed, c.err
		c.mu.Unlock()
		if good {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the connection has ended: %w", err)
		}
		select {
		case <-changed:
		case <-deadline.C:
			return errTimeout
		}
	}
}

func (c *Client) take(timeout time.Duration, match func(Received) bool) (Received, error) {
	var found Received
	err := c.Wait(timeout, func(all []Received) bool {
		for i := range all {
			if !all[i].taken && match(all[i]) {
				all[i].taken = true
				found = all[i]
				return true
			}
		}
		return false
	})
	return found, err
}

func (c *Client) read() {
	defer close(c.done)
	for {
		c.waitWhilePaused()
		_, b, err := c.conn.ReadMessage()
		if err != nil {
			_ = c.conn.Close()
			c.change(func() { c.err = err })
			return
		}
		if len(b) == 0 {
			continue
		}
		switch b[0] {
		case '2':
			c.mu.Lock()
			answer := c.heartbeats
			c.mu.Unlock()
			if answer {
				c.Raw("3" + string(b[1:]))
			}
			c.change(func() { c.pings++ })
		case '4':
			r := parse(string(b[1:]))
			c.change(func() { c.received = append(c.received, r) })
		case '3': // the answer to "2probe"
			c.change(func() { c.received = append(c.received, Received{Kind: 'p', At: time.Now()}) })
		}
	}
}

// ExpectProbe waits for "3probe", the server's consent to an upgrade.
func (c *Client) ExpectProbe(timeout time.Duration) {
	c.tb.Helper()
	if _, err := c.take(timeout, func(r Received) bool { return r.Kind == 'p' }); err != nil {
		c.tb.Fatalf("siotest: no answer to the probe: %v", err)
	}
}

func (c *Client) change(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	close(c.changed)
	c.changed = make(chan struct{})
}

func (c *Client) setPaused(on bool) { c.change(func() { c.paused = on }) }

func (c *Client) waitWhilePaused() {
	for {
		c.mu.Lock()
		paused, changed := c.paused, c.changed
		c.mu.Unlock()
		if !paused {
			return
		}
		<-changed
	}
}

func (c *Client) array(event string, payload any) string {
	if payload == nil {
		return "[" + string(c.encode(event)) + "]"
	}
	return "[" + string(c.encode(event)) + "," + string(c.encode(payload)) + "]"
}

func (c *Client) encode(v any) []byte {
	if raw, ok := v.(json.RawMessage); ok {
		return raw // as it is, also when it is not JSON
	}
	b, err := json.Marshal(v)
	if err != nil {
		c.tb.Errorf("siotest: encode %T: %v", v, err)
	}
	return b
}

func (c *Client) summary() string {
	var b strings.Builder
	all := c.Received()
	if left := len(all) - 20; left > 0 {
		fmt.Fprintf(&b, "(%d earlier), ", left)
		all = all[left:]
	}
	for i, r := range all {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%c%s %s%.200s", r.Kind, r.Nsp, r.Event, r.Arg())
	}
	return b.String()
}

func parse(s string) Received {
	r := Received{Kind: s[0], Nsp: "/", At: time.Now()}
	s = s[1:]
	if strings.HasPrefix(s, "/") {
		r.Nsp, s, _ = strings.Cut(s, ",")
	}
	digits := 0
	for digits < len(s) && s[digits] >= '0' && s[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		r.ID, _ = strconv.Atoi(s[:digits])
		s = s[digits:]
	}
	if r.Kind != KindEvent && r.Kind != KindAck {
		if s != "" {
			r.Args = []json.RawMessage{json.RawMessage(s)}
		}
		return r
	}
	_ = json.Unmarshal([]byte(s), &r.Args)
	if r.Kind == KindEvent && len(r.Args) > 0 {
		_ = json.Unmarshal(r.Args[0], &r.Event)
		r.Args = r.Args[1:]
	}
	return r
}

// prefix is the namespace part of a packet; the default namespace has none.
func prefix(nsp string) string {
	if nsp == "/" || nsp == "" {
		return ""
	}
	return nsp + ","
}
