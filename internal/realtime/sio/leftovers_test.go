package sio

import (
	"context"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/zishang520/socket.io/parsers/engine/v3/packet"
	"github.com/zishang520/socket.io/servers/engine/v3"
)

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
