package sio

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
	"go.uber.org/goleak"
)

const soon = 5 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// silent is a Peer that keeps what it was told.
type silent struct {
	opened, flooded atomic.Int32
	closed          chan string
}

func newSilent() *silent { return &silent{closed: make(chan string, 2)} }

func (p *silent) Opened()              { p.opened.Add(1) }
func (*silent) Event(Packet)           {}
func (*silent) Pinged()                {}
func (*silent) Ponged()                {}
func (p *silent) Flooded()             { p.flooded.Add(1) }
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

// A connection that closes while its namespace is being connected leaves nothing in the library.
func TestNothingStaysInTheLibrary(t *testing.T) {
	var mu sync.Mutex
	var peers []*silent
	s, url := serve(t, func(s *Server) {
		s.Handle("/x", func(*Socket) Peer {
			p := newSilent()
			mu.Lock()
			defer mu.Unlock()
			peers = append(peers, p)
			return p
		})
	}, nil)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				c, _, err := websocket.DefaultDialer.Dial(url, nil)
				if err != nil {
					t.Error(err)
					return
				}
				_ = c.WriteMessage(websocket.TextMessage, []byte("40/x,"))
				_ = c.Close()
			}
		})
	}
	wg.Wait()
	eventually(t, "the library has forgotten all", func() bool {
		return s.io.Of("/x", nil).Sockets().Len() == 0 && s.io.Engine().ClientsCount() == 0 && s.io.Engine().Clients().Len() == 0 &&
			s.Counters().Connections == 0
	})
	mu.Lock()
	defer mu.Unlock()
	for _, p := range peers {
		select {
		case <-p.closed:
		case <-time.After(soon):
			t.Fatal("a peer was not told")
		}
		if len(p.closed) > 0 || p.opened.Load() > 1 {
			t.Fatal("a peer was told twice")
		}
	}
}

// The library looks for its sockets when a transport closes; one that is just being connected is
// not among them yet.
func TestCloseInTheMiddleOfConnecting(t *testing.T) {
	p := newSilent()
	s, url := serve(t, func(s *Server) {
		s.Handle("/x", func(*Socket) Peer { return p })
		_ = s.io.Engine().On("connection", func(args ...any) {
			e := args[0].(engine.Socket)
			_ = e.On("packetCreate", func(args ...any) {
				if args[0].(*packet.Packet).Type == packet.MESSAGE { // the answer to the CONNECT
					e.Close(true)
				}
			})
		})
	}, nil)
	write(t, dial(t, url), "40/x,")
	<-p.closed
	eventually(t, "the library has forgotten it", func() bool { return s.io.Of("/x", nil).Sockets().Len() == 0 })
}

// A client that leaves as soon as it has been told that it is in keeps its connection: the library
// has not made its entries then.
func TestLeavingAtOnce(t *testing.T) {
	told, left := make(chan struct{}), make(chan struct{})
	p := newSilent()
	s, url := serve(t, func(s *Server) {
		s.Handle("/x", func(*Socket) Peer { return p })
		_ = s.io.Engine().On("connection", func(args ...any) {
			e := args[0].(engine.Socket)
			_ = e.On("drain", func(...any) {
				select {
				case <-told:
				default:
					close(told)
					<-left
					time.Sleep(20 * time.Millisecond) // a library that is slow, while the DISCONNECT waits
				}
			})
		})
	}, nil)
	c := dial(t, url)
	write(t, c, "40/x,")
	<-told
	write(t, c, "41/x,")
	close(left)
	if got := <-p.closed; got != "client namespace disconnect" {
		t.Fatalf("closed by %q", got)
	}
	if s.Counters().Connections != 1 {
		t.Fatal("the connection was closed")
	}
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

// A close the library never tells of is found by the sweep.
func TestReap(t *testing.T) {
	p := newSilent()
	s, url := serve(t, func(s *Server) { s.Handle("/x", func(*Socket) Peer { return p }) }, nil)
	c := dial(t, url)
	write(t, c, "40/x,")
	eventually(t, "open", func() bool { return p.opened.Load() == 1 })
	var engine engine.Socket
	s.links.Range(func(_, l any) bool {
		engine = l.(*Link).engine
		return true
	})
	engine.Clear() // every listener, ours included
	engine.SetReadyState("closed")
	s.reap()
	if got := <-p.closed; got != "transport gone" {
		t.Fatalf("closed by %q", got)
	}
	engine.SetReadyState("open") // so that it stops its timers
	engine.Close(true)
}

// The http.ResponseWriter of an upgrade, and all that hangs on it, is let go while the connection lives.
func TestResponseWriterIsReleased(t *testing.T) {
	collected := make(chan struct{})
	_, url := serve(t, func(s *Server) { s.Handle("/x", func(*Socket) Peer { return newSilent() }) }, func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			held := &holder{ResponseWriter: w}
			runtime.AddCleanup(held, func(ch chan struct{}) { close(ch) }, collected)
			h.ServeHTTP(held, r)
		})
	})
	c := dial(t, url)
	write(t, c, "40/x,")
	eventually(t, "the response writer is collected", func() bool {
		runtime.GC()
		select {
		case <-collected:
			return true
		default:
			return false
		}
	})
	write(t, c, "41/x,")
}

type holder struct {
	http.ResponseWriter
	_ [64]byte // not a tiny object, whose collection may wait for its neighbours
}

func (h *holder) Unwrap() http.ResponseWriter { return h.ResponseWriter }

// What the library keeps of a request holds no credential.
func TestTrimmedRequest(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/socket.io/?EIO=4&transport=websocket&token=secret", nil)
	for _, k := range []string{"Authorization", "Cookie", "Origin", "Accept-Encoding", "Sec-WebSocket-Extensions"} {
		r.Header.Set(k, "secret")
	}
	r.Header.Set("Upgrade", "websocket")
	var b strings.Builder
	if err := trimmed(context.Background(), r, r.URL.Query()).Write(&b); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "secret") || !strings.Contains(b.String(), "Upgrade: websocket") {
		t.Fatalf("the library would see %s", b.String())
	}
}

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
