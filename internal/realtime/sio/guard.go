package sio

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// Codes of the Engine.IO protocol in refusals; others are the HTTP status.
const (
	codeTransport = 0 // unknown transport
	codeSession   = 1 // unknown session id
	codeMethod    = 2 // a handshake is a GET
	codeBad       = 3 // bad request
	codeForbidden = 4
	codeVersion   = 5 // unsupported protocol version
)

// ServeHTTP lets through what the library can be trusted with; everything else is answered with
// {"code":…,"message":…} before the library, or any state, knows of it.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.tasks.add()
	defer s.tasks.done()
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Add("Vary", "Origin")
	if r.URL.Path != "/socket.io/" && r.URL.Path != "/socket.io" {
		s.refuse(w, r, http.StatusNotFound, http.StatusNotFound, "There is nothing here")
		return
	}
	if !s.allowOrigin(h, r) {
		s.refuse(w, r, http.StatusForbidden, codeForbidden, "This origin is not allowed")
		return
	}
	if r.Method == http.MethodOptions {
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
		return
	}
	q, err := url.ParseQuery(r.URL.RawQuery)
	transport := q.Get("transport")
	upgrade := websocket.IsWebSocketUpgrade(r)
	switch {
	case err != nil || len(q["sid"]) > 1 || len(q["transport"]) > 1 || len(q["EIO"]) > 1:
		s.refuse(w, r, http.StatusBadRequest, codeBad, "The query string is malformed")
	case q.Get("EIO") != "4":
		s.refuse(w, r, http.StatusBadRequest, codeVersion, "Unsupported protocol version, use EIO=4")
	case transport != "polling" && transport != "websocket":
		s.refuse(w, r, http.StatusBadRequest, codeTransport, "Transport unknown")
	case q.Has("j"):
		s.refuse(w, r, http.StatusBadRequest, codeBad, "JSONP is not supported")
	case upgrade != (transport == "websocket"):
		s.refuse(w, r, http.StatusBadRequest, codeBad, "The transport does not fit the request")
	case q.Get("sid") == "":
		s.open(w, r, q, upgrade)
	default:
		s.resume(w, r, q, upgrade)
	}
}

// open is a handshake: a new connection.
func (s *Server) open(w http.ResponseWriter, r *http.Request, q url.Values, upgrade bool) {
	if r.Method != http.MethodGet {
		s.refuse(w, r, http.StatusBadRequest, codeMethod, "Bad handshake method")
		return
	}
	if s.draining.Load() {
		w.Header().Set("Retry-After", "1")
		s.refuse(w, r, http.StatusServiceUnavailable, http.StatusServiceUnavailable, "The server is shutting down, please reconnect")
		return
	}
	ip := s.cfg.ClientIP(r)
	if reason, after, ok := s.ips.admit(ip, time.Now()); !ok {
		s.count.limited.Add(1)
		w.Header().Set("Retry-After", strconv.Itoa(int(after.Seconds())))
		s.refuse(w, r, http.StatusTooManyRequests, http.StatusTooManyRequests, "There are "+reason+" from your address, please try again later")
		return
	}
	h := &handshake{address: ip, userAgent: r.UserAgent(), authorization: r.Header.Get("Authorization"), query: q}
	if s.cfg.Cookies {
		h.cookie = r.Header.Get("Cookie")
	}
	if upgrade {
		s.upgrade(w, r, q, h)
	} else {
		s.serve(ignored{http.Header{}}, r, q, h)
	}
	l := h.link.Load()
	if l == nil {
		s.ips.release(ip)
		if !upgrade {
			s.refuse(w, r, http.StatusBadRequest, codeBad, "The handshake failed")
		}
		return
	}
	if !upgrade {
		s.poll(w, r, l, h.polling)
	}
}

// upgrade opens a WebSocket and starts reading from it when the library is ready.
func (s *Server) upgrade(w http.ResponseWriter, r *http.Request, q url.Values, h *handshake) {
	response := &hijacked{w}
	s.serve(response, r, q, h)
	response.ResponseWriter = nil
	if h.webSocket != nil {
		h.webSocket.start()
	}
}

// serve passes a handshake to the library. The library keeps the request and the response for as
// long as the session lasts, hence ones of its own, and a context that ends now.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, q url.Values, h *handshake) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), handshakeKey{}, h))
	defer cancel()
	s.eio.ServeHTTP(w, trimmed(ctx, r, q))
}

// resume is a request of a session that exists: a poll, a post, or its change to a WebSocket.
func (s *Server) resume(w http.ResponseWriter, r *http.Request, q url.Values, upgrade bool) {
	v, ok := s.links.Load(q.Get("sid"))
	if !ok {
		s.refuse(w, r, http.StatusBadRequest, codeSession, "Session ID unknown")
		return
	}
	l := v.(*Link)
	ip := s.cfg.ClientIP(r)
	// A client may open its WebSocket without naming itself (the stock client in Node does), so an
	// upgrade is held to the name only when it has one.
	agent := r.UserAgent()
	if ip != l.from.address || agent != l.from.userAgent && !(upgrade && agent == "") {
		s.refuse(w, r, http.StatusForbidden, codeForbidden, "This session belongs to another client")
		return
	}
	t := l.from.polling
	switch {
	case t == nil || l.engine.Upgraded() || (upgrade && l.engine.Upgrading()):
		s.refuse(w, r, http.StatusBadRequest, codeBad, "The session has left this transport")
	case upgrade:
		h := &handshake{address: ip, userAgent: r.UserAgent()}
		h.link.Store(l)
		s.upgrade(w, r, q, h)
	case r.Method == http.MethodGet:
		s.poll(w, r, l, t)
	case r.Method == http.MethodPost:
		s.post(w, r, l, t)
	default:
		w.Header().Set("Allow", "GET, POST")
		s.refuse(w, r, http.StatusMethodNotAllowed, http.StatusMethodNotAllowed, "Only GET and POST are allowed")
	}
}

// allowOrigin checks the Origin header, on every transport alike, and sets the CORS headers.
// A request without Origin comes from no web page; a page of this host is always welcome.
func (s *Server) allowOrigin(h http.Header, r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	origin := origins[0]
	switch {
	case len(origins) > 1:
		return false
	case slices.Contains(s.cfg.AllowedOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
	case slices.Contains(s.cfg.AllowedOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	default:
		u, err := url.Parse(origin)
		if err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
			return true
		}
		if s.cfg.AllowOrigin == nil || !s.cfg.AllowOrigin(origin, r.Host) {
			return false
		}
		h.Set("Access-Control-Allow-Origin", origin)
	}
	return true
}

// refuse answers with a reason and logs it, without the query string: session ids are credentials.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, status, code int, message string) {
	s.count.refused.Add(1)
	ip := s.cfg.ClientIP(r)
	if ok, last := s.ips.tell(ip, time.Now()); ok {
		s.log.LogAttrs(r.Context(), slog.LevelInfo, "realtime request refused",
			slog.Int("status", status), slog.String("reason", message), slog.String("method", r.Method),
			slog.String("address", ip), slog.String("origin", cut(r.Header.Get("Origin"), 256)), slog.Bool("last", last))
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}{code, message})
}

// cut bounds what a client may put into one line of the log.
func cut(s string, bytes int) string { return s[:min(len(s), bytes)] }
