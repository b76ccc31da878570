package security

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"chaffer/internal/realtime/siotest"
)

// patienceRows are about clients that say nothing, or one letter at a time. What ends them is a time of the
// node's own, so these rows wait; each has a node of its own, and they run beside the others. Their bounds
// are wider than the times themselves, for machines that have much else to do.
var patienceRows = []attack{
	{number: "T26", name: "200 connections that never join", slow: true, settings: map[string]string{}, run: func(s *site) string {
		var silent []*siotest.Client
		for range 200 {
			silent = append(silent, s.dial())
		}
		left := s.dial()
		left.Connect("/presence", token(haven, time.Hour))
		left.Disconnect("/presence")
		c := s.join(john)
		left.ExpectClosed(siotest.Timeout)
		for i, one := range silent {
			select {
			case <-one.Done():
			case <-time.After(3 * siotest.Timeout):
				s.Fatalf("the %d. connection is still open", i)
			}
		}
		s.wantAck(200, c, "joinRooms", `{}`)
		if n := s.sessions("/chat"); n != 1 {
			s.Errorf("%d sessions", n)
		}
		return "closed after 10 s, one that has left its only namespace after 3 s; one who has joined stays"
	}},
	{number: "T29", name: "heartbeats that nobody asked for, or nobody answers", slow: true, once: true, settings: map[string]string{}, run: func(s *site) string {
		dead, alive := s.join(john, siotest.WithoutHeartbeats()), s.join(haven)
		liar := s.join(jane)
		for range 20 {
			liar.Raw("3")
		}
		s.wantAck(200, liar, "joinRooms", `{}`)
		dead.ExpectClosed(9 * siotest.Timeout)
		if dead.Pings() == 0 {
			s.Error("it was never asked")
		}
		for _, c := range []*siotest.Client{alive, liar} {
			s.wantAck(200, c, "joinRooms", `{}`)
			if c.Pings() == 0 {
				s.Error("one who answers was never asked")
			}
		}
		s.until("end of the one session", func() string {
			if s.sessions("/chat") == 2 {
				return "ended"
			}
			return ""
		})
		return "ignored; who does not answer is cut after 45 s, who answers is not"
	}},
	{number: "T37", name: "bodies, frames and connections that drip or say nothing", slow: true, frames: true, settings: map[string]string{}, run: func(s *site) string {
		p := siotest.OpenPolling(s.T, s.url)
		const length = "Content-Type: text/plain\r\nContent-Length: 1000\r\n\r\n"
		var all sync.WaitGroup
		for _, d := range []struct {
			name, head string
			answer     string // how the answer begins, if there is one
			connection int    // how many of them
		}{
			{"a posted payload", "POST /socket.io/?EIO=4&transport=polling&sid=" + p.SID + " HTTP/1.1\r\nHost: x\r\nUser-Agent: Go-http-client/1.1\r\n" + length, "HTTP/1.1 400", 1},
			{"a REST body", "POST /api/v1/chats/messages HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token(john, time.Hour) + "\r\n" + strings.Replace(length, "text/plain", "application/json", 1), "HTTP/1.1 4", 1},
			{"a WebSocket frame", "\x81\xfe\xff\xff\x00\x00\x00\x00", "", 10},
			{"a header", "GET / HTTP/1.1\r\nHost: x\r\nX-Drip: ", "", 10},
		} {
			for range d.connection {
				conn := s.plain()
				if strings.HasPrefix(d.head, "\x81") {
					conn = s.byHand()
				}
				all.Go(func() {
					if told, err := drip(conn, d.head); err != nil || !strings.HasPrefix(told, d.answer) {
						s.Errorf("%s: %q, %v", d.name, told, err)
					}
				})
			}
		}
		var idle []net.Conn
		for range 200 {
			idle = append(idle, s.plain())
		}
		c := s.join(john)
		s.wantAck(200, c, "joinRooms", `{}`)
		s.want(200, john, "GET", "/api/v1/chats", "")
		for i, conn := range idle {
			_ = conn.SetReadDeadline(time.Now().Add(3 * siotest.Timeout))
			if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || isTimeout(err) {
				s.Errorf("the %d. idle connection: %d, %v", i, n, err)
				break
			}
		}
		all.Wait()
		s.wantAck(200, c, "joinRooms", `{}`)
		return "200 idle connections and ten headers cut after 5 s, bodies (400, 408) and frames of a connection that has not joined after 10 s, while others are served"
	}},
}

// drip writes a beginning and then a letter twice a second until the node closes the connection; it returns
// what the node said. The error: it did not close.
func drip(conn net.Conn, head string) (told string, err error) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(3 * siotest.Timeout))
	closed := make(chan struct{})
	var writer sync.WaitGroup
	defer writer.Wait()
	defer close(closed)
	writer.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for text := head; ; text = "a" {
			if _, err := io.WriteString(conn, text); err != nil {
				return
			}
			select {
			case <-closed:
				return
			case <-tick.C:
			}
		}
	})
	b, err := io.ReadAll(conn)
	if err != nil && !isTimeout(err) {
		err = nil // it was reset, because letters were still on their way
	}
	if err != nil {
		err = fmt.Errorf("still open: %w", err)
	}
	return string(b[:min(len(b), 100)]), err
}

// isTimeout reports whether waiting has ended something, and not the other side.
func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
