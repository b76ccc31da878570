package security

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/gorilla/websocket"

	"chaffer/internal/realtime/siotest"
)

var connectionRows = []attack{
	{number: "T21", name: "`/chat` without `/presence`", run: func(s *site) string {
		if status := s.refusedSocket("/chat", map[string]string{"token": token(john, time.Hour)}); status != 403 {
			s.Errorf("%d", status)
		}
		return "`appError` 403, disconnected, no `userChats`"
	}},
	{number: "T22", name: "customer 2 in `/presence`, vendor 2 in `/chat`", run: func(s *site) string {
		c := s.dial()
		c.Connect("/presence", token(john, time.Hour))
		c.Connect("/chat", token(haven, time.Hour))
		var r reply
		_ = json.Unmarshal(c.Expect("/chat", "appError", siotest.Timeout), &r)
		c.ExpectDisconnect("/chat", siotest.Timeout)
		if r.StatusCode != 403 || len(c.Events("/chat")) != 1 {
			s.Errorf("%d, then %v", r.StatusCode, c.Events("/chat"))
		}
		return "`appError` 403, disconnected, nothing else"
	}},
	{number: "T25", name: "namespaces that do not exist", run: func(s *site) string {
		c := s.dial()
		c.Connect("/presence", token(john, time.Hour))
		for _, nsp := range []string{"/admin", "//chat", "/Chat", "/chat/", "/__proto__", "/chat?token=x", "/" + strings.Repeat("n", 200)} {
			if _, err := c.TryConnect(nsp, map[string]string{"token": token(john, time.Hour)}); err == nil {
				s.Errorf("%s is let in", nsp)
			}
		}
		long := s.dial()
		long.Raw("40/" + strings.Repeat("n", 512) + ",")
		long.ExpectClosed(siotest.Timeout)
		return "refused, each; a name of 513 bytes closes the connection"
	}},
	{number: "T28", name: "other protocol versions", run: func(s *site) string {
		for _, eio := range []string{"3", "5", "", "4x"} {
			_, res, err := s.tryDial(siotest.WithQuery("EIO", eio))
			if err == nil || res == nil || res.StatusCode != 400 {
				s.Errorf("EIO=%q: %v", eio, err)
			}
		}
		p := siotest.OpenPolling(s.T, s.url)
		_, res, err := s.tryDial(siotest.Upgrading(p.SID), siotest.WithQuery("EIO", "3"))
		if err == nil || res == nil || res.StatusCode != 400 {
			s.Errorf("an upgrade with EIO=3: %v", err)
		}
		up, _, err := siotest.TryDial(s.T, s.url, siotest.Upgrading(p.SID)) // the session is as well as before
		if err != nil {
			s.Fatal(err)
		}
		up.Raw("2probe")
		up.ExpectProbe(siotest.Timeout)
		return "400 before the library sees them"
	}},
	{number: "T29", name: "a flood of heartbeats nobody asked for", frames: true, run: func(s *site) string {
		const connections = 3000
		flood := strings.Repeat("\x81\x81\x00\x00\x00\x003", 50)
		for range connections {
			conn := s.byHand()
			_, _ = io.WriteString(conn, flood)
			_ = conn.Close()
		}
		s.join(john)
		return "3,000 connections that send 50 each right after the 101: the node lives"
	}},
	{number: "T30", name: "binary packets", run: func(s *site) string {
		for _, packet := range []string{`450-["sendMessage",{}]`, `451-/chat,["x",{"_placeholder":true,"num":0}]`, `4511-["x"]`} {
			c := s.join(john)
			c.Raw(packet)
			c.ExpectClosed(siotest.Timeout)
		}
		c := s.join(john)
		_ = c.Message(websocket.BinaryMessage, []byte{1, 2, 3})
		c.ExpectClosed(siotest.Timeout)
		p := siotest.OpenPolling(s.T, s.url)
		if a := p.Post("bAAAA"); a.Status != 400 {
			s.Errorf("polling: %d %s", a.Status, a.Body)
		}
		return "closed; long-polling 400"
	}},
	{number: "T31", name: "reserved and odd event names", run: func(s *site) string {
		for _, event := range []string{"__proto__", "constructor", strings.Repeat("e", 64), "message", "toString", "42", "error", "0"} {
			c := s.join(john)
			r := s.ask(c, event, `{}`)
			if r.StatusCode != 400 {
				s.Errorf("%q: %d", event, r.StatusCode)
			}
			c.Close()
		}
		for _, event := range []string{"", strings.Repeat("e", 200), strings.Repeat("e", 10<<10), "connect", "disconnect", "connect_error", "disconnecting", "newListener"} {
			c := s.join(john)
			c.Raw(`42/chat,["` + event + `",{}]`)
			c.ExpectClosed(siotest.Timeout)
		}
		return "400 unknown event; reserved names close the connection"
	}},
	{number: "T32", name: "pages of other origins", run: func(s *site) string {
		for _, origin := range []string{"https://evil.example", "null", "https://shop.example.evil.com", "https://shop.example:444", "HTTPS://SHOP.EXAMPLE", "https://shop.example/"} {
			if _, res, err := s.tryDial(siotest.WithHeader("Origin", origin)); err == nil || res == nil || res.StatusCode != 403 {
				s.Errorf("WebSocket of %s: %v", origin, err)
			}
			p := siotest.NewPolling(s.T, s.url, siotest.WithHeader("Origin", origin))
			if a := p.Get(); a.Status != 403 {
				s.Errorf("polling of %s: %d", origin, a.Status)
			}
			if a := p.Post("40"); a.Status != 403 {
				s.Errorf("posting of %s: %d", origin, a.Status)
			}
			a := s.want(403, john, "GET", "/api/v1/chats", "", "Origin", origin)
			if a.header.Get("Access-Control-Allow-Origin") != "" {
				s.Errorf("REST lets %s read", origin)
			}
		}
		good := s.want(200, john, "GET", "/api/v1/chats", "", "Origin", "https://shop.example")
		if good.header.Get("Access-Control-Allow-Origin") != "https://shop.example" || !strings.Contains(strings.Join(good.header.Values("Vary"), ","), "Origin") {
			s.Errorf("the shop's own page: %v", good.header)
		}
		return "403 on WebSocket, polling and REST; the shop's own page is named, with Vary: Origin"
	}},
	{number: "T33", name: "a cookie instead of a token", run: func(s *site) string {
		if status := s.refusedSocket("/presence", nil, siotest.WithHeader("Cookie", "token="+token(john, time.Hour))); status != 401 {
			s.Errorf("%d", status)
		}
		s.want(401, nobody, "GET", "/api/v1/chats", "", "Cookie", "Authorization=Bearer "+token(john, time.Hour))
		return "ignored: 401"
	}},
	{number: "T37", name: "a header that drips", rest: true, run: func(s *site) string {
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			s.Fatal(err)
		}
		defer conn.Close()
		began := time.Now()
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n")
		_ = conn.SetReadDeadline(began.Add(15 * time.Second))
		_, err = io.ReadAll(conn) // ends when the server closes
		if took := time.Since(began); err != nil || took > 8*time.Second {
			s.Errorf("cut after %s, %v", took, err)
		}
		return "cut after 5 s"
	}},
	{number: "T38", name: "more than 64 KB at once", run: func(s *site) string {
		c := s.join(john)
		c.Raw(`42/chat,["sendMessage",{"text":"` + strings.Repeat("a", 64<<10) + `"}]`)
		c.ExpectClosed(siotest.Timeout)
		p := siotest.OpenPolling(s.T, s.url)
		if a := p.Post("4" + strings.Repeat("a", 64<<10)); a.Status != 413 {
			s.Errorf("polling: %d", a.Status)
		}
		s.want(413, john, "POST", "/api/v1/chats/messages", `{"text":"`+strings.Repeat("a", 64<<10)+`"}`)
		return "WebSocket closed, long-polling and REST 413"
	}},
	{number: "T39", name: "compressed frames", frames: true, run: func(s *site) string {
		d := websocket.Dialer{EnableCompression: true}
		conn, res, err := d.Dial("ws"+strings.TrimPrefix(s.url, "http")+"/socket.io/?EIO=4&transport=websocket", nil)
		if err != nil {
			s.Fatal(err)
		}
		defer conn.Close()
		if ext := res.Header.Get("Sec-Websocket-Extensions"); ext != "" {
			s.Errorf("negotiated %s", ext)
		}
		return "not negotiated"
	}},
	{number: "T40", name: "one socket too many", settings: map[string]string{"LIMIT_SOCKETS_PER_USER": "3"}, run: func(s *site) string {
		for range 3 {
			c := s.dial()
			c.Connect("/presence", token(john, time.Hour))
			c.Expect("/presence", "connection", siotest.Timeout) // only now it counts
		}
		if status := s.refusedSocket("/presence", map[string]string{"token": token(john, time.Hour)}); status != 429 {
			s.Errorf("%d", status)
		}
		s.dial().Connect("/presence", token(haven, time.Hour))
		return "`appError` 429, disconnected; others are let in"
	}},
	{number: "T43", name: "requests that two servers read differently", rest: true, run: func(s *site) string {
		for name, raw := range map[string]string{
			"CL and TE":   "POST /api/v1/chats/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
			"two lengths": "POST /api/v1/chats/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
			"huge header": "GET / HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 64<<10) + "\r\n\r\n",
			"bad name":    "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		} {
			conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
			if err != nil {
				s.Fatal(err)
			}
			_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(conn, raw)
			b := make([]byte, 64)
			n, _ := conn.Read(b)
			if first := string(b[:n]); !strings.HasPrefix(first, "HTTP/1.1 4") && !strings.HasPrefix(first, "HTTP/1.1 501") {
				s.Errorf("%s: %q", name, first)
			}
			_ = conn.Close()
		}
		for _, method := range []string{"TRACE", "PUT", "DELETE", "PATCH"} {
			if a := s.rest(nobody, method, "/socket.io/?EIO=4&transport=polling", ""); a.status < 400 || a.status >= 500 {
				s.Errorf("%s /socket.io/: %d", method, a.status)
			}
		}
		return "400, 431, 501; other methods on /socket.io/ 4xx"
	}},
	{number: "T44", name: "files that are not served", rest: true, run: func(s *site) string {
		for _, path := range []string{"/socket.io/../../etc/passwd", "/socket.io/%2e%2e/%2e%2e/etc/passwd", "/socket.io/socket.io.js", "/socket.io/socket.io.js.map", "/assets/../../../etc/passwd", "/media/../../etc/passwd", "/.env", "/.git/config"} {
			req, _ := http.NewRequest("GET", s.url, nil)
			req.URL.Opaque = path
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				s.Fatal(err)
			}
			b, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			if res.StatusCode == 200 || strings.Contains(string(b), "root:") {
				s.Errorf("%s: %d %.100s", path, res.StatusCode, b)
			}
		}
		return fmt.Sprintf("%d paths: 4xx", 8)
	}},
}
