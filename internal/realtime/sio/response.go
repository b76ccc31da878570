package sio

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/url"
)

// hijacked is the response of an upgrade. The library holds on to it for as long as the
// connection lives; the guard takes the real one out of it when the upgrade is done.
type hijacked struct{ http.ResponseWriter }

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(h.ResponseWriter).Hijack()
}

// ignored is the response of a long-polling handshake; the guard answers it from the transport.
type ignored struct{ header http.Header }

func (i ignored) Header() http.Header       { return i.header }
func (ignored) Write(b []byte) (int, error) { return len(b), nil }
func (ignored) WriteHeader(int)             {}

// trimmed is the request the library sees and keeps: the headers and parameters it needs and
// nothing else, so no token or cookie, no compression and no origin, which was checked.
func trimmed(ctx context.Context, r *http.Request, q url.Values) *http.Request {
	kept := url.Values{"EIO": {"4"}, "transport": q["transport"]}
	if sid := q.Get("sid"); sid != "" {
		kept.Set("sid", sid)
	}
	t := (&http.Request{
		Method: r.Method, URL: &url.URL{Path: "/socket.io/", RawQuery: kept.Encode()},
		Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
		Header: http.Header{}, Host: r.Host, RemoteAddr: r.RemoteAddr, Body: http.NoBody,
	}).WithContext(ctx)
	for _, k := range []string{"Connection", "Upgrade", "Sec-Websocket-Key", "Sec-Websocket-Version"} {
		if v := r.Header.Values(k); len(v) > 0 {
			t.Header[k] = v
		}
	}
	return t
}
