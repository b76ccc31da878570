package bus

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"chaffer/internal/wire"
)

const (
	version     = 2
	maxEnvelope = 64 << 10         // bytes of a sealed envelope
	maxAge      = 30 * time.Second // older, or that far in the future, is not believed
	sealSize    = 2 * sha256.Size  // hexadecimal
)

// envelope is what travels: <seal>.<this as JSON>. Whatever waits for a node goes in one: the seal,
// the round trip and the wake-up at the other end are paid once.
type envelope struct {
	V    int    `json:"v"`
	ID   string `json:"id"`   // of this envelope, unique
	From string `json:"from"` // node
	To   string `json:"to"`   // node
	At   int64  `json:"at"`   // when, ms
	News []item `json:"news"` // in the order of their publishing
}

// item is one piece of news.
type item struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

// sealer makes and checks seals.
type sealer struct{ key []byte }

func (s sealer) sum(b []byte) []byte {
	m := hmac.New(sha256.New, s.key)
	m.Write(b)
	return m.Sum(nil)
}

var errTooLarge = errors.New("larger than 64 KB")

// seal encodes an envelope.
func (s sealer) seal(e envelope) ([]byte, error) {
	b, err := marshal(e)
	if err != nil {
		return nil, err
	}
	if sealSize+1+len(b) > maxEnvelope {
		return nil, errTooLarge
	}
	out := make([]byte, sealSize, sealSize+1+len(b))
	hex.Encode(out, s.sum(b))
	return append(append(out, '.'), b...), nil
}

// open checks the seal before anything is parsed, then the form, the addressee and the age.
func (s sealer) open(raw []byte, self string, now time.Time) (envelope, error) {
	var e envelope
	if len(raw) > maxEnvelope {
		return e, errTooLarge
	}
	if len(raw) <= sealSize || raw[sealSize] != '.' {
		return e, errors.New("no seal")
	}
	seal := make([]byte, sha256.Size)
	if _, err := hex.Decode(seal, raw[:sealSize]); err != nil {
		return e, errors.New("no seal")
	}
	body := raw[sealSize+1:]
	if !hmac.Equal(seal, s.sum(body)) {
		return e, errors.New("the seal is not ours")
	}
	if err := wire.Strict(body, &e); err != nil {
		return e, err
	}
	age := now.Sub(time.UnixMilli(e.At))
	switch {
	case e.V != version:
		return e, errors.New("another version")
	case e.From == self || e.To != self:
		return e, errors.New("for somebody else")
	case age > maxAge || age < -maxAge:
		return e, errors.New("too old, or the clocks differ")
	}
	return e, nil
}

// marshal leaves <, > and & as they are: a text of 16 KB has to fit.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
