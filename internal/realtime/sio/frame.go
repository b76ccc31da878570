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
		return finish(written(func(b []byte) []byte {
			b = append(begin(b, Event, nsp), '[')
			b = append(append(b, name...), ',')
			return append(a.AppendJSON(b), ']')
		})), nil
	}
	body, err := Marshal(payload)
	if err != nil {
		return Frame{}, fmt.Errorf("encode %s: %w", event, err)
	}
	b := begin(roomFor(nsp, len(name)+len(body)+3), Event, nsp)
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
	b := begin(roomFor(nsp, len(body)+22), Ack, nsp)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, '[')
	b = append(b, body...)
	return finish(append(b, ']'))
}

// newConnectError refuses a namespace.
func newConnectError(nsp, message string) Frame {
	body, _ := json.Marshal(map[string]string{"message": message})
	return finish(append(begin(roomFor(nsp, len(body)), '4', nsp), body...))
}

// Appender is a payload that writes its own JSON, for the few that are encoded with every message.
type Appender interface {
	// AppendJSON appends the value's JSON to b. It cannot fail.
	AppendJSON(b []byte) []byte
}

// drafts are what Appenders write into: what they make of it is known when they have written it, and a buffer that is
// large enough for most is twice what most need, a sixth of all that was allocated for a message.
var drafts = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// written is a copy of what write appends, as long as it is.
func written(write func([]byte) []byte) []byte {
	draft := drafts.Get().(*[]byte)
	b := write((*draft)[:0])
	out := bytes.Clone(b)
	if cap(b) <= MaxPayload {
		*draft = b
		drafts.Put(draft)
	}
	return out
}

// Marshal encodes a value without escaping <, > and &; a json.RawMessage is taken as it is.
func Marshal(v any) (json.RawMessage, error) {
	if a, ok := v.(Appender); ok {
		return written(a.AppendJSON), nil
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

// roomFor is an empty buffer for a packet whose part behind begin's has a known length.
func roomFor(nsp string, rest int) []byte { return make([]byte, 0, headRoom+2+len(nsp)+1+rest) }

// begin reserves the header and appends the packet up to its acknowledgement number.
func begin(b []byte, k Kind, nsp string) []byte {
	var room [headRoom]byte
	b = append(b, room[:]...)
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
