package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// TestSocketAgainstAnother speaks with a WebSocket that is not ours: frames of every length of length, messages in
// several frames, pings, and the end.
func TestSocketAgainstAnother(t *testing.T) {
	sizes := []int{0, 1, 125, 126, 4000, 4090, 4096, 5000, 65535, 70_000, 200_000}
	pongs := make(chan string, len(sizes))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{WriteBufferSize: 1 << 20}
		if r.URL.Path == "/small" { // a buffer that is full makes a frame
			up.WriteBufferSize = 1000
		}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		ws.SetPongHandler(func(s string) error { pongs <- s; return nil })
		for _, n := range sizes {
			if err := ws.WriteControl(websocket.PingMessage, []byte("still there?"), time.Time{}); err != nil {
				t.Error(err)
			}
			out, err := ws.NextWriter(websocket.TextMessage)
			if err == nil {
				_, err = io.WriteString(out, strings.Repeat("é", n/2)+strings.Repeat("x", n%2))
			}
			if err != nil || out.Close() != nil {
				t.Error(err)
			}
			if n > 65535 {
				continue // the client says nothing that long
			}
			_, said, err := ws.ReadMessage()
			if err != nil || len(said) != n || strings.Trim(string(said), "y") != "" {
				t.Errorf("a message of %d bytes came as %d: %v", n, len(said), err)
			}
		}
		_ = ws.WriteControl(websocket.CloseMessage, nil, time.Time{})
		_, _, _ = ws.ReadMessage() // until the client has gone, too: what it still has to read would be lost otherwise
	}))
	defer server.Close()
	for _, path := range []string{"/large", "/small"} {
		u, err := url.Parse(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		s, err := dial(context.Background(), u, &net.TCPAddr{IP: net.IPv4(127, 0, 0, 9)})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range sizes {
			b, err := s.read()
			if err != nil || string(b) != strings.Repeat("é", n/2)+strings.Repeat("x", n%2) {
				t.Fatalf("%s: %d bytes came as %d: %v", path, n, len(b), err)
			}
			if n > 65535 {
				if err := s.write(opText, func(b []byte) []byte { return append(b, make([]byte, n)...) }); err == nil {
					t.Errorf("a message of %d bytes was sent", n)
				}
				continue
			}
			if err := s.write(opText, func(b []byte) []byte { return append(b, strings.Repeat("y", n)...) }); err != nil {
				t.Fatal(err)
			}
			if said := <-pongs; said != "still there?" {
				t.Errorf("a ping was answered with %q", said)
			}
		}
		if b, err := s.read(); !errors.Is(err, io.EOF) {
			t.Errorf("after the end came %q, %v", b, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestDialSaysWhatTheServerAnswered(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dial(context.Background(), u, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}
