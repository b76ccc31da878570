package main

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// hub holds who is connected and which chats exist.
type hub struct {
	pool   *pgxpool.Pool
	secret []byte
	queue  chan *message

	mu    sync.RWMutex
	users map[string]*conn
	chats map[string]int64 // product, vendor, customer → id
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("Sec-WebSocket-Key")
	if r.URL.Path != "/socket.io/" || key == "" {
		_, _ = w.Write([]byte("ok"))
		return
	}
	raw, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "this connection cannot be taken over", http.StatusInternalServerError)
		return
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	c := &conn{net: raw, read: rw.Reader}
	fmt.Fprintf(raw, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", base64.StdEncoding.EncodeToString(sum[:]))
	c.send([]byte(`0{"sid":"bound","upgrades":[],"pingInterval":20000,"pingTimeout":25000,"maxPayload":65536}`))
	h.serve(c)
}

func (h *hub) serve(c *conn) {
	beat := time.NewTicker(20 * time.Second)
	gone := make(chan struct{})
	go func() {
		defer beat.Stop()
		for {
			select {
			case <-beat.C:
				c.send([]byte("2"))
			case <-gone:
				return
			}
		}
	}()
	defer close(gone)
	defer c.net.Close()
	for {
		b, err := c.next()
		if err != nil {
			return
		}
		switch {
		case bytes.HasPrefix(b, []byte("40/")):
			if h.join(c, b) != nil {
				return
			}
		case bytes.HasPrefix(b, []byte("42/chat,")):
			if h.take(c, b[len("42/chat,"):]) != nil {
				return
			}
		}
	}
}

func (h *hub) join(c *conn, b []byte) error {
	nsp, auth, _ := bytes.Cut(b[2:], []byte(","))
	var body struct{ Token string }
	if err := json.Unmarshal(auth, &body); err != nil {
		return err
	}
	claims := jwt.MapClaims{}
	if _, err := jwt.ParseWithClaims(body.Token, claims, func(*jwt.Token) (any, error) { return h.secret, nil }, jwt.WithValidMethods([]string{"HS256"})); err != nil {
		return err
	}
	c.send([]byte("40"), nsp, []byte(`,{"sid":"bound"}`))
	if string(nsp) == "/presence" {
		c.send([]byte(`42/presence,["connection",{}]`))
		return nil
	}
	c.kind, c.id = fmt.Sprint(claims["userType"]), strconv.Itoa(int(claims["userId"].(float64)))
	c.user = c.kind + ":" + c.id
	h.mu.Lock()
	h.users[c.user] = c
	h.mu.Unlock()
	c.send([]byte(`42/chat,["userChats",{"data":[]}]`))
	c.send([]byte(`42/chat,["offlineMessages",{"data":[]}]`))
	return nil
}

type request struct {
	ProductID, Text string
	RecipientID     json.Number // a number or digits in a text
}

// take queues a sendMessage: `ack["sendMessage",{…}]`.
func (h *hub) take(c *conn, b []byte) error {
	i := bytes.IndexByte(b, '[')
	head := `["sendMessage",`
	if i < 0 || !bytes.HasPrefix(b[i:], []byte(head)) {
		return errFrame
	}
	m := &message{from: c, ack: string(b[:i]), at: time.Now()}
	if err := json.Unmarshal(b[i+len(head):len(b)-1], &m.request); err != nil {
		return err
	}
	if text := strings.TrimSpace(m.Text); text == "" || len(text) > 16<<10 {
		return errFrame
	}
	m.vendor, m.customer, m.to = c.id, string(m.RecipientID), "customer:"+string(m.RecipientID)
	if c.kind == "customer" {
		m.vendor, m.customer, m.to = string(m.RecipientID), c.id, "vendor:"+string(m.RecipientID)
	}
	h.queue <- m
	return nil
}
