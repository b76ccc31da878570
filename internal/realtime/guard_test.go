package realtime_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"chaffer/internal/realtime"
	"chaffer/internal/realtime/siotest"
)

func TestGuardRefuses(t *testing.T) {
	h := start(t, realtime.Options{AllowedOrigins: []string{"https://shop.example"}}, echo("/chat", realtime.Hooks{}))
	const good = "/socket.io/?EIO=4&transport=polling"
	for _, c := range []struct {
		name, method, target, origin string
		status, code                 int
	}{
		{"old protocol", "GET", "/socket.io/?EIO=3&transport=polling", "", 400, 5},
		{"new protocol", "GET", "/socket.io/?EIO=5&transport=polling", "", 400, 5},
		{"no protocol", "GET", "/socket.io/?transport=polling", "", 400, 5},
		{"no transport", "GET", "/socket.io/?EIO=4", "", 400, 0},
		{"unknown transport", "GET", "/socket.io/?EIO=4&transport=webtransport", "", 400, 0},
		{"websocket without upgrade", "GET", "/socket.io/?EIO=4&transport=websocket", "", 400, 3},
		{"JSONP", "GET", good + "&j=0", "", 400, 3},
		{"two protocols", "GET", good + "&EIO=3", "", 400, 3},
		{"broken query", "GET", good + "&x=%zz", "", 400, 3},
		{"posted handshake", "POST", good, "", 400, 2},
		{"put handshake", "PUT", good, "", 400, 2},
		{"unknown session", "GET", good + "&sid=AAAAAAAAAAAAAAAAAAAAAA", "", 400, 1},
		{"unknown session post", "POST", good + "&sid=x", "", 400, 1},
		{"foreign origin", "GET", good, "https://evil.example", 403, 4},
		{"foreign origin post", "POST", good + "&sid=x", "https://evil.example", 403, 4},
		{"foreign origin preflight", "OPTIONS", good, "https://evil.example", 403, 4},
		{"null origin", "GET", good, "null", 403, 4},
		{"longer origin", "GET", good, "https://shop.example.evil.com", 403, 4},
		{"other port", "GET", good, "https://shop.example:444", 403, 4},
		{"other path", "GET", "/socket.io/socket.io.js.map", "", 404, 404},
		{"parent path", "GET", "/socket.io/../../etc/passwd", "", 404, 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequest(c.method, h.url+c.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			resp, err := http.DefaultTransport.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = resp.Body.Close() }()
			var body struct {
				Code    *int
				Message string
			}
			if err := json.NewDecoder(resp.Body).Decode(&body); err != nil || body.Code == nil || body.Message == "" {
				t.Fatalf("body: %v %+v", err, body)
			}
			if resp.StatusCode != c.status || *body.Code != c.code {
				t.Errorf("got %d code %d, want %d code %d", resp.StatusCode, *body.Code, c.status, c.code)
			}
			if resp.Header.Get("Access-Control-Allow-Origin") != "" || resp.Header.Get("Vary") != "Origin" {
				t.Errorf("headers %v", resp.Header)
			}
		})
	}
	if got := h.Stats().Connections; got != 0 {
		t.Errorf("%d connections were made", got)
	}
	if strings.Contains(h.logs.String(), "AAAAAAAA") {
		t.Error("a query string is in the log")
	}
}

func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		name, origin string
		allowed      []string
		status       int
		allow, creds string
	}{
		{"listed", "https://shop.example", []string{"https://shop.example"}, 200, "https://shop.example", "true"},
		{"any", "https://evil.example", []string{"*"}, 200, "*", ""},
		{"listed beside any", "https://shop.example", []string{"*", "https://shop.example"}, 200, "https://shop.example", "true"},
		{"none", "", nil, 200, "", ""},
		{"this host", "same", nil, 200, "", ""},
		{"not listed", "https://evil.example", nil, 403, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := start(t, realtime.Options{AllowedOrigins: c.allowed}, echo("/chat", realtime.Hooks{}))
			var opts []siotest.Option
			if c.origin == "same" {
				opts = append(opts, siotest.WithHeader("Origin", h.url))
			} else if c.origin != "" {
				opts = append(opts, siotest.WithHeader("Origin", c.origin))
			}
			p := siotest.NewPolling(t, h.url, opts...)
			a := p.Get()
			if a.Status != c.status || a.Header.Get("Access-Control-Allow-Origin") != c.allow || a.Header.Get("Access-Control-Allow-Credentials") != c.creds {
				t.Errorf("polling: %d %v", a.Status, a.Header)
			}
			_, resp, err := siotest.TryDial(t, h.url, opts...)
			if (err == nil) != (c.status == 200) || (err != nil && resp.StatusCode != c.status) {
				t.Errorf("websocket: %v", err)
			}
			if c.allow != "" {
				if a := p.Do(http.MethodOptions, nil); a.Status != http.StatusNoContent || a.Header.Get("Access-Control-Allow-Methods") == "" {
					t.Errorf("preflight: %+v", a)
				}
			}
		})
	}
}

func TestBodyLimits(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	big := "4" + strings.Repeat("x", 64<<10)
	for name, body := range map[string]io.Reader{
		"with a length":    strings.NewReader(big),
		"without a length": struct{ io.Reader }{strings.NewReader(big)},
	} {
		p := siotest.OpenPolling(t, h.url)
		if a := p.Do(http.MethodPost, body); a.Status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s: %+v", name, a)
		}
	}
	p := siotest.OpenPolling(t, h.url)
	if a := p.Do(http.MethodPut, strings.NewReader("3")); a.Status != http.StatusMethodNotAllowed {
		t.Errorf("put: %+v", a)
	}
	octets := siotest.OpenPolling(t, h.url, siotest.WithHeader("Content-Type", "application/octet-stream"))
	if a := octets.Post("3"); a.Status != http.StatusBadRequest {
		t.Errorf("octets: %+v", a)
	}
}

func TestAddressLimits(t *testing.T) {
	byHeader := func(r *http.Request) string { return r.Header.Get("X-Test-IP") }
	from := func(ip string) siotest.Option { return siotest.WithHeader("X-Test-IP", ip) }
	refused := func(t *testing.T, h *harness, ip string) {
		t.Helper()
		a := siotest.NewPolling(t, h.url, from(ip)).Get()
		if a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
			t.Errorf("from %s: %+v", ip, a)
		}
		if _, resp, err := siotest.TryDial(t, h.url, from(ip)); err == nil || resp.StatusCode != http.StatusTooManyRequests {
			t.Errorf("from %s: %v", ip, err)
		}
	}
	t.Run("open", func(t *testing.T) {
		h := start(t, realtime.Options{ClientIP: byHeader, Limits: realtime.Limits{ConnectionsPerIP: 2}}, echo("/chat", realtime.Hooks{}))
		first := siotest.Dial(t, h.url, from("10.0.0.1"))
		siotest.OpenPolling(t, h.url, from("10.0.0.1"))
		refused(t, h, "10.0.0.1")
		siotest.Dial(t, h.url, from("10.0.0.2"))
		first.Close()
		eventually(t, "a place is free again", func() bool {
			_, _, err := siotest.TryDial(t, h.url, from("10.0.0.1"))
			return err == nil
		})
	})
	t.Run("a minute", func(t *testing.T) {
		h := start(t, realtime.Options{ClientIP: byHeader, Limits: realtime.Limits{ConnectsPerMinutePerIP: 3}}, echo("/chat", realtime.Hooks{}))
		awayFromMinuteEnd(t)
		for i := range 3 {
			siotest.Dial(t, h.url, from(fmt.Sprintf("2001:db8::%d", i+1))).Close()
		}
		refused(t, h, "2001:db8::9")
		siotest.Dial(t, h.url, from("2001:db8:0:1::1"))
	})
	t.Run("failures", func(t *testing.T) {
		h := start(t, realtime.Options{ClientIP: byHeader, Limits: realtime.Limits{FailuresPerMinutePerIP: 2}}, echo("/chat", realtime.Hooks{}))
		awayFromMinuteEnd(t)
		open := siotest.Dial(t, h.url, from("10.0.0.1"))
		for range 2 {
			c := siotest.Dial(t, h.url, from("10.0.0.1"))
			c.Connect("/chat", "nobody")
			c.Expect("/chat", "appError", soon)
		}
		refused(t, h, "10.0.0.1")
		open.Connect("/chat", "customer:2")
		if f := decode[failure](t, open.Expect("/chat", "appError", soon)); f.StatusCode != 429 {
			t.Errorf("on an open connection: %+v", f)
		}
		siotest.Dial(t, h.url, from("10.0.0.2"))
	})
}

// awayFromMinuteEnd keeps a test that counts within a minute from straddling two.
func awayFromMinuteEnd(t *testing.T) {
	t.Helper()
	if left := 60 - time.Now().Unix()%60; left < 8 {
		time.Sleep(time.Duration(left) * time.Second)
	}
}

// T25: an unknown namespace is refused, creates nothing, and may not be tried for ever.
func TestUnknownNamespaces(t *testing.T) {
	h := start(t, realtime.Options{}, echo("/chat", realtime.Hooks{}))
	c := siotest.Dial(t, h.url)
	c.Connect("/chat", "customer:2")
	for _, nsp := range []string{"/", "/admin", "//chat", "/Chat", "/chat?token=x"} {
		if _, err := c.TryConnect(nsp, nil); err == nil || err.Error() != "Invalid namespace" {
			t.Errorf("%s: %v", nsp, err)
		}
	}
	for i := range 20 {
		c.Raw(fmt.Sprintf("40/n%d,", i))
	}
	c.ExpectClosed(soon)
}

// T27: an event before the namespace has been joined closes the connection and runs nothing.
func TestEventBeforeConnect(t *testing.T) {
	ran := make(chan struct{}, 10)
	h := start(t, realtime.Options{}, func(s *realtime.Server) {
		n := s.Namespace("/chat", realtime.Hooks{})
		realtime.On(n, realtime.Event{Name: "say"}, func(context.Context, *realtime.Conn, struct{}) (text, error) {
			ran <- struct{}{}
			return text{}, nil
		})
		s.Namespace("/other", realtime.Hooks{})
	})
	c := siotest.Dial(t, h.url)
	c.Connect("/other", "customer:2")
	c.Raw(`42/chat,["say"]`)
	c.ExpectClosed(soon)
	if len(ran) > 0 {
		t.Error("a handler ran")
	}
}

func TestHeartbeats(t *testing.T) {
	h := start(t, realtime.Options{PingInterval: 100 * time.Millisecond, PingTimeout: 150 * time.Millisecond}, echo("/chat", realtime.Hooks{}))
	alive := siotest.Dial(t, h.url)
	alive.Connect("/chat", "customer:2")
	dead := siotest.Dial(t, h.url, siotest.WithoutHeartbeats())
	dead.Connect("/chat", "customer:3")
	dead.ExpectClosed(soon)
	if err := alive.Wait(soon, func([]siotest.Received) bool { return true }); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ten heartbeats", func() bool { return alive.Pings() >= 10 })
	if err := alive.Err(); err != nil {
		t.Fatalf("cut although it answered: %v", err)
	}
	p := siotest.OpenPolling(t, h.url)
	p.Connect("/chat", "customer:4")
	for range 3 {
		p.PollUntil("2")
	}
	var open struct{ PingInterval, PingTimeout, MaxPayload int }
	if err := json.Unmarshal(alive.Open(), &open); err != nil || open.PingInterval != 100 || open.PingTimeout != 150 || open.MaxPayload != 64<<10 {
		t.Errorf("open packet %s: %v", alive.Open(), err)
	}
}
