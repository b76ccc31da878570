package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync"
)

// conn is one WebSocket. What is sent while a write is under way goes out with the next one.
type conn struct {
	net  net.Conn
	read *bufio.Reader
	user string // "customer:2", set when it has joined
	kind string
	id   string
	body []byte

	mu      sync.Mutex
	out     []byte
	spare   []byte
	writing bool
}

const maxFrame = 64 << 10

var errFrame = errors.New("a frame that is not a small text")

// next is the payload of the next text frame, valid until the next call.
func (c *conn) next() ([]byte, error) {
	var head [8]byte
	if _, err := io.ReadFull(c.read, head[:2]); err != nil {
		return nil, err
	}
	n := int(head[1] & 0x7f)
	switch {
	case head[0] != 0x81 || head[1]&0x80 == 0 || n == 127:
		return nil, errFrame
	case n == 126:
		if _, err := io.ReadFull(c.read, head[2:4]); err != nil {
			return nil, err
		}
		n = int(binary.BigEndian.Uint16(head[2:4]))
	}
	if n > maxFrame {
		return nil, errFrame
	}
	var mask [4]byte
	if _, err := io.ReadFull(c.read, mask[:]); err != nil {
		return nil, err
	}
	if cap(c.body) < n {
		c.body = make([]byte, n)
	}
	c.body = c.body[:n]
	if _, err := io.ReadFull(c.read, c.body); err != nil {
		return nil, err
	}
	for i := range c.body {
		c.body[i] ^= mask[i&3]
	}
	return c.body, nil
}

// send queues parts as one text frame.
func (c *conn) send(parts ...[]byte) {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	c.mu.Lock()
	if n < 126 {
		c.out = append(c.out, 0x81, byte(n))
	} else {
		c.out = append(c.out, 0x81, 126, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		c.out = append(c.out, p...)
	}
	start := !c.writing
	c.writing = true
	c.mu.Unlock()
	if start {
		go c.flush()
	}
}

func (c *conn) flush() {
	for {
		c.mu.Lock()
		if len(c.out) == 0 {
			c.writing = false
			c.mu.Unlock()
			return
		}
		b := c.out
		c.out, c.spare = c.spare[:0], nil
		c.mu.Unlock()
		_, err := c.net.Write(b)
		c.mu.Lock()
		c.spare = b[:0]
		c.mu.Unlock()
		if err != nil {
			_ = c.net.Close()
			return
		}
	}
}
