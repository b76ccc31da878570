package sio

import (
	"io"

	"github.com/zishang520/socket.io/parsers/socket/v3/parser"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

// strict gives the library this package's parser. Links parse on the reader and route events
// themselves; what reaches the library's decoder are the CONNECT and DISCONNECT packets that a
// link passes on, already parsed, and never a payload or a token.
type strict struct{}

func (strict) NewEncoder() parser.Encoder { return parser.NewEncoder() }
func (strict) NewDecoder() parser.Decoder { return &decoder{EventEmitter: types.NewEventEmitter()} }

type decoder struct{ types.EventEmitter }

// Add takes a *passed from a link; anything else is refused, which closes the connection.
func (d *decoder) Add(data any) error {
	p, ok := data.(*passed)
	if !ok {
		return ErrPacket
	}
	d.Emit("decoded", &parser.Packet{Type: p.kind, Nsp: p.nsp})
	return nil
}

func (d *decoder) Destroy() { d.Clear() }

// passed is a parsed packet on its way through the library, which carries packets as readers.
type passed struct {
	kind parser.PacketType
	nsp  string
}

func (*passed) Read([]byte) (int, error) { return 0, io.EOF }

// pingMarker goes through the library's Write and becomes a ping in Link.created: Write itself
// sends only messages, and only what goes through it keeps its place behind what was sent before.
type marker struct{ name string }

func (*marker) Read([]byte) (int, error) { return 0, io.EOF }

var pingMarker io.Reader = &marker{"ping"}
