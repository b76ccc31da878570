package sio

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
)

// recorder keeps the library's answer in memory: the library may still be writing it when its
// ServeHTTP has returned, and by then the real response is gone.
type recorder struct {
	mu     sync.Mutex
	header http.Header
	status int
	body   []byte
	done   bool
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (a *recorder) Header() http.Header {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done {
		return http.Header{}
	}
	return a.header
}

func (a *recorder) WriteHeader(status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.done && a.status == 0 {
		a.status = status
	}
}

func (a *recorder) Write(b []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.done {
		return 0, errors.New("the request has ended")
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	a.body = append(a.body, b...)
	return len(b), nil
}

// copyTo writes what was recorded and lets go of it; false when nothing was.
func (a *recorder) copyTo(w http.ResponseWriter) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.done = true
	if a.status == 0 {
		return false
	}
	for _, k := range []string{"Content-Type", "Connection"} {
		if v := a.header.Get(k); v != "" {
			w.Header().Set(k, v)
		}
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body)
	a.body, a.header = nil, nil
	return true
}

// hijackOnce is the response of an upgrade. The library holds on to it for as long as the
// connection lives; the guard takes the real one out of it when the upgrade is done.
type hijackOnce struct{ http.ResponseWriter }

func (h *hijackOnce) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// trimmed is the request the library sees and keeps: the headers and parameters it
// needs and nothing else, so no token or cookie, no compression and no origin, which was checked.
func trimmed(r *http.Request, ctx context.Context, body []byte) *http.Request {
	q := r.URL.Query()
	kept := url.Values{"EIO": {"4"}, "transport": q["transport"]}
	if sid := q.Get("sid"); sid != "" {
		kept.Set("sid", sid)
	}
	t := (&http.Request{
		Method: r.Method, URL: &url.URL{Path: "/socket.io/", RawQuery: kept.Encode()}, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: http.Header{}, Host: r.Host, RemoteAddr: r.RemoteAddr, Body: http.NoBody,
	}).WithContext(ctx)
	for _, k := range []string{"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version", "Content-Type"} {
		if v := r.Header.Values(k); len(v) > 0 {
			t.Header[k] = v
		}
	}
	if body != nil {
		t.Body = io.NopCloser(bytes.NewReader(body))
		t.ContentLength = int64(len(body))
	}
	return t
}
