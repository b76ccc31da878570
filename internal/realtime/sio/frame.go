package sio

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// MaxPayload bounds one incoming WebSocket message and one long-polling body, in bytes.
const MaxPayload = 64 << 10

// headRoom is the longest header of an unmasked WebSocket frame (RFC 6455, 5.2).
const headRoom = 10

// Frame is one encoded packet, ready for any number of connections: the bytes of a complete
// server-to-client WebSocket text frame. It is immutable.
type Frame struct {
	ws   []byte
	head int // length of the WebSocket header
}

// Size is the length in bytes of the Engine.IO packet, without the WebSocket header.
func (f Frame) Size() int { return len(f.ws) - f.head }

// Text is the Socket.IO packet, such as `2/chat,["newChat",{…}]`.
func (f Frame) Text() []byte { return f.ws[f.head+1:] }

// NewEvent encodes an event of a namespace with one payload. A json.RawMessage goes out as it is.
func NewEvent(nsp, event string, payload any) (Frame, error) {
	if reserved[event] || event == "" {
		return Frame{}, fmt.Errorf("event %q is a reserved name", event)
	}
	name := quote(event)
	if a, ok := payload.(Appender); ok {
		b := begin(Event, nsp, len(name)+appendRoom)
		b = append(b, '[')
		b = append(b, name...)
		b = append(b, ',')
		return finish(append(a.AppendJSON(b), ']')), nil
	}
	body, err := Marshal(payload)
	if err != nil {
		return Frame{}, fmt.Errorf("encode %s: %w", event, err)
	}
	b := begin(Event, nsp, len(name)+len(body)+3)
	b = append(b, '[')
	b = append(b, name...)
	b = append(b, ',')
	b = append(b, body...)
	return finish(append(b, ']')), nil
}

// quote is event as a JSON string.
func quote(event string) []byte {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == ':' || c == '-'
	}
	if strings.IndexFunc(event, func(c rune) bool { return !plain(c) }) < 0 {
		return append(append(append(make([]byte, 0, len(event)+2), '"'), event...), '"')
	}
	name, _ := json.Marshal(event) // a string always encodes
	return name
}

// NewAck encodes the acknowledgement number id with one argument, which must be valid JSON.
func NewAck(nsp string, id uint64, body json.RawMessage) Frame {
	b := begin(Ack, nsp, len(body)+22)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, '[')
	b = append(b, body...)
	return finish(append(b, ']'))
}

// newConnectError refuses a namespace.
func newConnectError(nsp, message string) Frame {
	body, _ := json.Marshal(map[string]string{"message": message})
	return finish(append(begin('4', nsp, len(body)), body...))
}

// Appender is a payload that writes its own JSON, for the few that are encoded with every message.
type Appender interface {
	// AppendJSON appends the value's JSON to b. It cannot fail.
	AppendJSON(b []byte) []byte
}

// appendRoom is what an Appender usually needs.
const appendRoom = 1 << 10

// Marshal encodes a value without escaping <, > and &; a json.RawMessage is taken as it is.
func Marshal(v any) (json.RawMessage, error) {
	if a, ok := v.(Appender); ok {
		return a.AppendJSON(make([]byte, 0, appendRoom)), nil
	}
	if raw, ok := v.(json.RawMessage); ok {
		if len(raw) == 0 {
			return json.RawMessage("null"), nil
		}
		return raw, nil
	}
	b := buffers.Get().(*bytes.Buffer)
	defer recycle(b)
	b.Reset()
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.Clone(bytes.TrimSuffix(b.Bytes(), []byte("\n"))), nil
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// recycle keeps a buffer for reuse unless one large payload has grown it.
func recycle(b *bytes.Buffer) {
	if b.Cap() <= MaxPayload {
		buffers.Put(b)
	}
}

// begin reserves the header and writes the packet up to its acknowledgement number.
func begin(k Kind, nsp string, room int) []byte {
	b := make([]byte, headRoom, headRoom+2+len(nsp)+1+room)
	b = append(b, '4', byte(k))
	if nsp != "/" {
		b = append(b, nsp...)
		b = append(b, ',')
	}
	return b
}

// finish writes the WebSocket header in front of what begin started.
func finish(b []byte) Frame {
	n := len(b) - headRoom
	const finText = 0x81
	switch {
	case n < 126:
		b = b[headRoom-2:]
		b[0], b[1] = finText, byte(n)
		return Frame{ws: b, head: 2}
	case n < 1<<16:
		b = b[headRoom-4:]
		b[0], b[1] = finText, 126
		binary.BigEndian.PutUint16(b[2:], uint16(n))
		return Frame{ws: b, head: 4}
	default:
		b[0], b[1] = finText, 127
		binary.BigEndian.PutUint64(b[2:], uint64(n))
		return Frame{ws: b, head: headRoom}
	}
}

// engineFrame is a WebSocket frame of any Engine.IO packet: its type and its text.
func engineFrame(kind byte, text []byte) Frame {
	b := make([]byte, headRoom, headRoom+1+len(text))
	return finish(append(append(b, kind), text...))
}
