package sio

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"time"
)

// poll is a GET of a long-polling session. Two at a time, or one that is cancelled, end it.
func (s *Server) poll(w http.ResponseWriter, r *http.Request, l *Link, t *polling) {
	body, err := t.poll(r.Context())
	switch {
	case errors.Is(err, errGone):
		s.refuse(w, r, http.StatusBadRequest, codeSession, "Session ID unknown")
	case err != nil:
		l.Close(err.Error())
		s.refuse(w, r, http.StatusBadRequest, codeBad, "Only one poll at a time is allowed")
	default:
		w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
		_, _ = w.Write(body)
	}
}

// post is a POST of a long-polling session: packets from the client.
func (s *Server) post(w http.ResponseWriter, r *http.Request, l *Link, t *polling) {
	if err := t.beginPost(); err != nil {
		l.Close(err.Error())
		s.refuse(w, r, http.StatusBadRequest, codeBad, "Only one post at a time is allowed")
		return
	}
	defer t.endPost()
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
	if r.Header.Get("Content-Type") == "application/octet-stream" || !s.packets(l, t, body) {
		l.Close("bad packet")
		s.refuse(w, r, http.StatusBadRequest, codeBad, "The body is not a payload of text packets")
		return
	}
	w.Header().Set("Content-Type", "text/html")
	_, _ = io.WriteString(w, "ok")
}

// packets handles the packets of a body in their order; false at the first bad one.
func (s *Server) packets(l *Link, t *polling, body []byte) (ok bool) {
	defer s.recovered("reading a post")
	for b := range bytes.SplitSeq(body, []byte{separator}) {
		if len(b) == 0 {
			return false
		}
		if b[0] == '1' {
			t.leave()
			return true
		}
		if !l.receive(t, b) {
			return false
		}
	}
	return true
}
