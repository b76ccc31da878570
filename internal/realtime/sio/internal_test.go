package sio

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"
)

const soon = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silent is a Peer that keeps what it was told.
type silent struct {
	opened, flooded atomic.Int32
	closed          chan string
}

func newSilent() *silent { return &silent{closed: make(chan string, 2)} }

func (p *silent) Opened() { p.opened.Add(1) }

func (*silent) Event(Packet) {}

func (*silent) Pinged() {}

func (*silent) Ponged() {}

func (p *silent) Flooded() { p.flooded.Add(1) }

func (p *silent) Closed(reason string) { p.closed <- reason }

func serve(t *testing.T, prepare func(*Server), wrap func(http.Handler) http.Handler) (*Server, string) {
	t.Helper()
	s := New(Config{PingInterval: 20 * time.Second, PingTimeout: 25 * time.Second, Log: slog.New(slog.DiscardHandler),
		Panic: func(where string, v any, _ []byte) { t.Errorf("%s: %v", where, v) }})
	prepare(s)
	var h http.Handler = s
	if wrap != nil {
		h = wrap(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), soon)
		defer cancel()
		if err := s.Shutdown(ctx, 0); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		srv.Close()
	})
	return s, "ws" + strings.TrimPrefix(srv.URL, "http") + "/socket.io/?EIO=4&transport=websocket"
}

func dial(t *testing.T, url string) *websocket.Conn {
	t.Helper()
	c, _, err := websocket.DefaultDialer.Dial(url, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func write(t *testing.T, c *websocket.Conn, text string) {
	t.Helper()
	if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(soon); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", soon, what)
		}
	}
}

// Nothing is read from a connection before the library's handshake has returned, however long it
// takes and however early the client speaks.
func TestReadingWaitsForHandshake(t *testing.T) {
	var returned, early atomic.Bool
	spoken := make(chan struct{})
	_, url := serve(t, func(s *Server) {
		s.Handle("/x", func(*Socket) Peer {
			early.Store(!returned.Load())
			return newSilent()
		})
		_ = s.io.Engine().On("connection", func(...any) {
			<-spoken
			time.Sleep(50 * time.Millisecond) // a handshake that is slow, while the CONNECT waits
			returned.Store(true)
		})
	}, nil)
	c := dial(t, url)
	write(t, c, "40/x,")
	close(spoken)
	for {
		_, b, err := c.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(string(b), "40/x,") {
			break
		}
	}
	if early.Load() {
		t.Fatal("the CONNECT was read before the handshake had returned")
	}
}

// Who opens a connection and says nothing, or lets a body drip, is cut.
func TestSilenceIsCut(t *testing.T) {
	t.Parallel()
	_, url := serve(t, func(s *Server) { s.Handle("/x", func(*Socket) Peer { return newSilent() }) }, nil)
	base := "http" + strings.TrimSuffix(strings.TrimPrefix(url, "ws"), "websocket") + "polling"
	t.Run("no CONNECT", func(t *testing.T) {
		t.Parallel()
		c, began := dial(t, url), time.Now()
		_ = c.SetReadDeadline(time.Now().Add(2 * connectTimeout))
		for {
			if _, _, err := c.ReadMessage(); websocket.IsCloseError(err, websocket.CloseNormalClosure) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d > connectTimeout+2*time.Second {
			t.Errorf("after %s", d)
		}
	})
	t.Run("a dripping body", func(t *testing.T) {
		t.Parallel()
		open, err := http.Get(base)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(open.Body)
		_ = open.Body.Close()
		_, sid, _ := strings.Cut(string(b), `"sid":"`)
		sid, _, _ = strings.Cut(sid, `"`)
		r, w := io.Pipe()
		t.Cleanup(func() { _ = w.Close() })
		began := time.Now()
		go func() { _, _ = w.Write([]byte("4")) }() // and then nothing
		resp, err := http.Post(base+"&sid="+sid, "text/plain", r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if d := time.Since(began); resp.StatusCode != http.StatusBadRequest || d > bodyTimeout+2*time.Second {
			t.Errorf("%d after %s", resp.StatusCode, d)
		}
	})
}

// Pongs that answer nothing are not kept for later pings, and a ping that is not reported does not
// confirm the one that is.
func TestHeartbeatsAreMatched(t *testing.T) {
	p := &beating{silent: newSilent()}
	l := &Link{sockets: map[string]*Socket{"/x": {peer: p}}}
	step := func(f func(), pings, pongs int) {
		t.Helper()
		if f(); p.pings != pings || p.pongs != pongs {
			t.Fatalf("%d pings and %d pongs reported, want %d and %d", p.pings, p.pongs, pings, pongs)
		}
	}
	step(l.ponged, 0, 0)
	step(l.pinged, 1, 0) // the 1st
	step(l.pinged, 1, 0) // the 2nd, while the 1st is reported
	step(l.ponged, 1, 1)
	step(l.pinged, 2, 1) // the 3rd
	step(l.ponged, 2, 1) // answers the 2nd
	step(l.ponged, 2, 2)
	step(l.ponged, 2, 2)
}

type beating struct {
	*silent
	pings, pongs int
}

func (b *beating) Pinged() { b.pings++ }

func (b *beating) Ponged() { b.pongs++ }

// Whoever begins with anything but a CONNECT is closed.
func TestFirstPacketMustConnect(t *testing.T) {
	s, url := serve(t, func(s *Server) { s.Handle("/x", func(*Socket) Peer { return newSilent() }) }, nil)
	for _, raw := range []string{"45", "42[\"x\"]", "41/x,", "garbage", "2probe", "5"} {
		c := dial(t, url)
		write(t, c, raw)
		_ = c.SetReadDeadline(time.Now().Add(soon))
		if _, err := io.Copy(io.Discard, c.NetConn()); err != nil {
			t.Errorf("%q: not closed: %v", raw, err)
		}
		_ = c.Close()
	}
	eventually(t, "all are closed", func() bool { return s.Counters().Connections == 0 })
}
