package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha1" // RFC 6455 4.2.2 asks for it
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// socket is a client's end of a WebSocket (RFC 6455) that costs the machine as little as it can, because
// what clients cost is taken from the servers that are measured: a message is read where it lies in the
// buffer and written by one system call, and neither allocates, unless a message is longer than the buffer.
type socket struct {
	conn net.Conn
	in   *bufio.Reader
	held int    // bytes of in that the last message lies in
	long []byte // a message that came in several frames

	mu  sync.Mutex // guards out and writing
	out []byte
}

// Opcodes of RFC 6455 5.2.
const (
	opContinue, opText, opBinary = 0x0, 0x1, 0x2
	opClose, opPing, opPong      = 0x8, 0x9, 0xa

	final, masked = 0x80, 0x80

	maxMessage  = 16 << 20 // bytes
	upgradeTime = 10 * time.Second
)

// mask is the key of every frame of this process, repeated. It protects intermediaries, of which loopback has none.
var mask = func() (m [4096]byte) {
	_, _ = rand.Read(m[:4])
	for i := 4; i < len(m); i += 4 {
		copy(m[i:], m[:4])
	}
	return m
}()

// dial opens a WebSocket; u is http.
func dial(ctx context.Context, u *url.URL, from net.Addr) (*socket, error) {
	conn, err := (&net.Dialer{LocalAddr: from}).DialContext(ctx, "tcp", u.Host)
	if err != nil {
		return nil, err
	}
	s := &socket{conn: conn, in: bufio.NewReaderSize(conn, 4<<10)}
	_ = conn.SetDeadline(time.Now().Add(upgradeTime))
	if err := s.upgrade(u); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return s, conn.SetDeadline(time.Time{})
}

func (s *socket) upgrade(u *url.URL) error {
	nonce := make([]byte, 16)
	_, _ = rand.Read(nonce)
	key := base64.StdEncoding.EncodeToString(nonce)
	if _, err := fmt.Fprintf(s.conn, "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n", u.RequestURI(), u.Host, key); err != nil {
		return err
	}
	resp, err := http.ReadResponse(s.in, nil)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		defer resp.Body.Close()
		said, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
		return fmt.Errorf("the server answered %s: %s", resp.Status, said)
	}
	proof := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	if resp.Header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(proof[:]) {
		return errors.New("the server did not prove that it speaks WebSocket")
	}
	return nil
}

func (s *socket) Close() error { return s.conn.Close() }

// read returns the next message, which is the caller's until the next call.
func (s *socket) read() ([]byte, error) {
	s.long = s.long[:0]
	for whole := true; ; {
		op, fin, body, err := s.frame()
		switch {
		case err != nil:
			return nil, err
		case op == opClose:
			return nil, io.EOF
		case op == opPing:
			if err := s.write(opPong, func(b []byte) []byte { return append(b, body...) }); err != nil {
				return nil, err
			}
		case op == opText, op == opBinary, op == opContinue:
			if fin && whole {
				return body, nil
			}
			whole = false
			if s.long = append(s.long, body...); fin {
				return s.long, nil
			}
		}
	}
}

// frame reads one frame; body is valid until the next call.
func (s *socket) frame() (op byte, fin bool, body []byte, err error) {
	if _, err := s.in.Discard(s.held); err != nil {
		return 0, false, nil, err
	}
	s.held = 0
	head, err := s.in.Peek(2)
	if err != nil {
		return 0, false, nil, err
	}
	op, fin = head[0]&0xf, head[0]&final != 0
	header, size := 2, uint64(head[1]) // servers do not mask
	switch size {
	case 126:
		if head, err = s.in.Peek(4); err != nil {
			return 0, false, nil, err
		}
		header, size = 4, uint64(binary.BigEndian.Uint16(head[2:]))
	case 127:
		if head, err = s.in.Peek(10); err != nil {
			return 0, false, nil, err
		}
		header, size = 10, binary.BigEndian.Uint64(head[2:])
	}
	if size > maxMessage {
		return 0, false, nil, fmt.Errorf("a frame of %d bytes", size)
	}
	if header+int(size) > s.in.Size() {
		body = make([]byte, size)
		if _, err := s.in.Discard(header); err != nil {
			return 0, false, nil, err
		}
		_, err = io.ReadFull(s.in, body)
		return op, fin, body, err
	}
	s.held = header + int(size)
	body, err = s.in.Peek(s.held)
	if err != nil {
		return 0, false, nil, err
	}
	return op, fin, body[header:], nil
}

// write sends one frame, whose body fill appends to what it is given.
func (s *socket) write(op byte, fill func([]byte) []byte) error {
	const room = 8 // of the longest header that is written here: two bytes, two of the length, the mask's four
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = fill(append(s.out[:0], make([]byte, room)...))
	body := s.out[room:]
	for at := 0; at < len(body); at += len(mask) {
		part := body[at:min(at+len(mask), len(body))]
		subtle.XORBytes(part, part, mask[:])
	}
	frame := s.out
	if len(body) < 126 {
		frame = s.out[2:]
		frame[1] = masked | byte(len(body))
		copy(frame[2:], mask[:4])
	} else {
		if len(body) > 1<<16-1 {
			return fmt.Errorf("a message of %d bytes is too long", len(body))
		}
		frame[1] = masked | 126
		binary.BigEndian.PutUint16(frame[2:], uint16(len(body)))
		copy(frame[4:], mask[:4])
	}
	frame[0] = final | op
	_, err := s.conn.Write(frame)
	return err
}
