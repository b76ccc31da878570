package sio

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// polls is what the guard knows of a long-polling session's requests.
type polls struct {
	mu       sync.Mutex
	pending  context.CancelFunc // of the poll under way; nil: none
	posting  bool
	closed   bool
	farewell string // what a poll is told when the session closes under it
}

// end answers the poll under way; no other may begin.
func (p *polls) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.pending != nil {
		p.pending()
	}
}

func (p *polls) begin(cancel context.CancelFunc) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.pending != nil {
		return false
	}
	p.pending = cancel
	return true
}

func (p *polls) beginPost() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.posting {
		return false
	}
	p.posting = true
	return true
}

// poll waits for what the library has to say. Two polls at a time, or a cancelled one, end the
// session; a session that ends answers its poll with a closing packet.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, l *Link) {
	// A heartbeat answers each poll in time; the deadline is for the case that none comes.
	ctx, cancel := context.WithTimeout(r.Context(), s.cfg.PingInterval+s.cfg.PingTimeout)
	defer cancel()
	if !l.poll.begin(cancel) {
		l.Close("overlapping polls")
		s.refuse(w, r, http.StatusBadRequest, codeBad, "Only one poll at a time is allowed")
		return
	}
	answer := newRecorder()
	s.eio.ServeHTTP(answer, trimmed(r, ctx, nil))
	l.poll.mu.Lock()
	l.poll.pending = nil
	farewell := l.poll.farewell
	l.poll.mu.Unlock()
	if answer.copyTo(w) {
		return
	}
	l.Close("poll cancelled")
	if farewell == "" {
		farewell = "1"
	}
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	_, _ = io.WriteString(w, farewell)
}

// post hands a body of packets to the library once it is known to be well formed.
func (s *Server) post(w http.ResponseWriter, r *http.Request, l *Link) {
	if !l.poll.beginPost() {
		l.Close("overlapping posts")
		s.refuse(w, r, http.StatusBadRequest, codeBad, "Only one post at a time is allowed")
		return
	}
	defer func() {
		l.poll.mu.Lock()
		l.poll.posting = false
		l.poll.mu.Unlock()
	}()
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(bodyTimeout))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxPayload))
	if err != nil {
		l.Close("unreadable post")
		if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
			s.refuse(w, r, http.StatusRequestEntityTooLarge, http.StatusRequestEntityTooLarge, "A body is 64 KB at most")
			return
		}
		s.refuse(w, r, http.StatusBadRequest, codeBad, "The body could not be read in time")
		return
	}
	_ = control.SetReadDeadline(time.Time{})
	closing, ok := payload(body)
	if !ok || r.Header.Get("Content-Type") == "application/octet-stream" {
		l.Close("bad packet")
		s.refuse(w, r, http.StatusBadRequest, codeBad, "The body is not a payload of text packets")
		return
	}
	if closing {
		l.poll.mu.Lock()
		l.poll.farewell = "6"
		l.poll.mu.Unlock()
	}
	answer := newRecorder()
	s.eio.ServeHTTP(answer, trimmed(r, r.Context(), body))
	if l.isClosed() && answer.status != http.StatusOK {
		s.refuse(w, r, http.StatusBadRequest, codeSession, "Session ID unknown")
		return
	}
	answer.copyTo(w)
}

// payload checks the packets of a long-polling body: text packets that a client may send. closing
// reports whether one of them ends the session.
func payload(body []byte) (closing, ok bool) {
	for packet := range bytes.SplitSeq(body, []byte{0x1e}) {
		if len(packet) == 0 {
			return false, false
		}
		switch packet[0] {
		case '1':
			closing = true
		case '3', '4', '6':
		default:
			return false, false
		}
	}
	return closing, true
}
