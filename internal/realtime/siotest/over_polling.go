package siotest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// OverPolling keeps a Client's whole connection on long-polling: each message that is written is a
// POST, what is received comes from one poll after the other.
func OverPolling() Option { return func(s *settings) { s.polling = true } }

// link carries the packets of a Client; a *websocket.Conn is one.
type link interface {
	ReadMessage() (kind int, b []byte, err error)
	WriteMessage(kind int, b []byte) error
	SetReadDeadline(t time.Time) error
	SetWriteDeadline(t time.Time) error
	Close() error
}

// pollingLink is a link over long-polling. Its deadlines are those of the HTTP requests.
type pollingLink struct {
	p      *Polling
	ctx    context.Context
	cancel context.CancelFunc
	rest   []string // of the last poll, not read yet
}

var errNoFrames = errors.New("long-polling has neither frames nor codes of its own")

// dialPolling makes the handshake; a refusal is returned as a response without a body.
func dialPolling(tb testing.TB, baseURL string, opts []Option) (link, *http.Response, error) {
	p := NewPolling(tb, baseURL, append(opts, WithQuery("transport", "polling"))...)
	a := p.Get()
	res := &http.Response{StatusCode: a.Status, Header: a.Header}
	if a.Status != http.StatusOK {
		return nil, res, fmt.Errorf("the handshake is answered %d %s", a.Status, a.Body)
	}
	ctx, cancel := context.WithCancel(context.Background())
	l := &pollingLink{p: p, ctx: ctx, cancel: cancel, rest: a.Packets()}
	if p.SID = sidOf(a.Body); p.SID == "" {
		cancel()
		return nil, res, fmt.Errorf("no OPEN packet but %q", a.Body)
	}
	return l, res, nil
}

// ReadMessage is the next packet. It ends with the session: a poll that is refused, or a CLOSE packet.
func (l *pollingLink) ReadMessage() (int, []byte, error) {
	for len(l.rest) == 0 {
		a := l.p.GetContext(l.ctx)
		if a.Status != http.StatusOK {
			return 0, nil, fmt.Errorf("a poll is answered %d %s", a.Status, a.Body)
		}
		l.rest = a.Packets()
	}
	packet := l.rest[0]
	l.rest = l.rest[1:]
	if packet == "1" {
		return 0, nil, errors.New("the server has closed the session")
	}
	return websocket.TextMessage, []byte(packet), nil
}

// WriteMessage posts one packet; a binary one goes as base64.
func (l *pollingLink) WriteMessage(kind int, b []byte) error {
	body := string(b)
	switch kind {
	case websocket.TextMessage:
	case websocket.BinaryMessage:
		body = "b" + base64.StdEncoding.EncodeToString(b)
	default:
		return errNoFrames
	}
	if a := l.p.Post(body); a.Status != http.StatusOK {
		return fmt.Errorf("a post is answered %d %s", a.Status, a.Body)
	}
	return nil
}

func (l *pollingLink) SetReadDeadline(time.Time) error  { return nil }
func (l *pollingLink) SetWriteDeadline(time.Time) error { return nil }

// Close says goodbye, as nothing else tells the server at once that nobody polls any more.
func (l *pollingLink) Close() error {
	if l.ctx.Err() == nil {
		l.p.Post("1")
	}
	l.cancel()
	return nil
}
