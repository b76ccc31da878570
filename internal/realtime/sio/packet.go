package sio

import (
	"bytes"
	"encoding/json"
	"errors"
	"unicode/utf8"
)

// Kind is the type of a Socket.IO v5 packet, its first character.
type Kind byte

// The kinds a client may send; binary packets are refused (ErrPacket).
const (
	Connect    Kind = '0'
	Disconnect Kind = '1'
	Event      Kind = '2'
	Ack        Kind = '3'
)

// Limits of one packet; its size is bounded by MaxPayload.
const (
	MaxDepth       = 16   // nested arrays and objects of one argument
	maxKeys        = 64   // keys of an argument that is an object
	maxNestedKeys  = 2000 // keys of an object inside an argument
	maxNamespace   = 512  // bytes
	maxEventLength = 128  // bytes
)

// ErrPacket is a packet that is not what the protocol, or this server, allows.
var ErrPacket = errors.New("malformed packet")

// Packet is one decoded Socket.IO packet. Its slices share the memory of what was parsed.
type Packet struct {
	Kind  Kind
	Nsp   []byte // "/chat"; "/" when the packet names none
	ID    uint64 // the acknowledgement's number
	HasID bool
	Event []byte          // an Event's name, unquoted
	Arg   json.RawMessage // an Event's first argument, or the body of a Connect; not yet validated JSON
	Args  int             // how many arguments the Event has besides its name
}

var rootNamespace = []byte("/")

// Parse decodes one packet, such as `2/chat,7["sendMessage",{"text":"hi"}]`. Arguments stay raw:
// only their nesting, their number of keys and where they end is looked at, so whoever decodes
// them still meets malformed JSON inside.
func Parse(b []byte) (Packet, error) {
	if len(b) == 0 || !utf8.Valid(b) {
		return Packet{}, ErrPacket
	}
	p := Packet{Kind: Kind(b[0]), Nsp: rootNamespace}
	b = b[1:]
	if len(b) > 0 && b[0] == '/' {
		end := bytes.IndexByte(b, ',')
		if end < 0 {
			p.Nsp, b = b, nil
		} else {
			p.Nsp, b = b[:end], b[end+1:]
		}
		if len(p.Nsp) > maxNamespace || hasControl(p.Nsp) {
			return Packet{}, ErrPacket
		}
	}
	digits := 0
	for digits < len(b) && b[digits] >= '0' && b[digits] <= '9' {
		if digits == 16 { // beyond 2^53 no JavaScript client counts
			return Packet{}, ErrPacket
		}
		p.ID = p.ID*10 + uint64(b[digits]-'0')
		digits++
	}
	p.HasID, b = digits > 0, b[digits:]
	switch p.Kind {
	case Connect:
		if p.HasID || (len(b) > 0 && b[0] != '{') {
			return Packet{}, ErrPacket
		}
		p.Arg = b
	case Disconnect:
		if p.HasID || len(b) > 0 {
			return Packet{}, ErrPacket
		}
	case Ack:
		if !p.HasID {
			return Packet{}, ErrPacket
		}
	case Event:
		return p, p.arguments(b)
	default:
		return Packet{}, ErrPacket
	}
	return p, nil
}

// arguments splits ["name", first, …] into the name, the first argument and their number.
func (p *Packet) arguments(b []byte) error {
	s := scanner{b: b}
	if !s.next('[') || s.space() != '"' {
		return ErrPacket
	}
	name, ok := s.value()
	if !ok {
		return ErrPacket
	}
	if p.Event, ok = unquote(name); !ok || len(p.Event) == 0 || len(p.Event) > maxEventLength || reserved[string(p.Event)] {
		return ErrPacket
	}
	for s.next(',') {
		v, ok := s.value()
		if !ok {
			return ErrPacket
		}
		if p.Args == 0 {
			p.Arg = v
		}
		p.Args++
	}
	if !s.next(']') || s.space() != 0 || s.i != len(b) {
		return ErrPacket
	}
	return nil
}

// reserved are names the protocol's own events have on either side; no one may send them.
var reserved = map[string]bool{
	"connect": true, "connect_error": true, "disconnect": true, "disconnecting": true,
	"newListener": true, "removeListener": true,
}

func unquote(b []byte) ([]byte, bool) {
	if bytes.IndexByte(b, '\\') < 0 && !hasControl(b) {
		return b[1 : len(b)-1], true
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return nil, false
	}
	return []byte(s), true
}

func hasControl(b []byte) bool {
	for _, c := range b {
		if c < 0x20 {
			return true
		}
	}
	return false
}
