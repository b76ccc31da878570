// Package dialects is what the tests of the other contracts share: the tables of their events and
// routes, accounts with an access and a refresh token, and the mailbox in which their mail arrives.
package dialects

import (
	"bufio"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait of this package.
const patience = 20 * time.Second

// Mailbox is a mail server on loopback that keeps what it is sent.
type Mailbox struct {
	tb   testing.TB
	ln   net.Listener
	wg   sync.WaitGroup
	mu   sync.Mutex
	mail []string // as it came, headers and all
	come chan struct{}
}

// NewMailbox starts one that ends with the test.
func NewMailbox(tb testing.TB) *Mailbox {
	tb.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	m := &Mailbox{tb: tb, ln: ln, come: make(chan struct{}, 1)}
	m.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			m.wg.Go(func() { m.serve(c) })
		}
	})
	tb.Cleanup(func() {
		_ = ln.Close()
		m.wg.Wait()
	})
	return m
}

// Settings make a server send its mail here.
func (m *Mailbox) Settings() map[string]string {
	host, port, _ := net.SplitHostPort(m.ln.Addr().String())
	return map[string]string{"SMTP_HOST": host, "SMTP_PORT": port, "SMTP_FROM": "chat@shop.example"}
}

// serve speaks as much of SMTP as a client needs that asks for no encryption.
func (m *Mailbox) serve(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	in := bufio.NewScanner(c)
	say := func(line string) { _, _ = fmt.Fprint(c, line+"\r\n") }
	say("220 mailbox")
	for in.Scan() {
		switch verb, _, _ := strings.Cut(strings.ToUpper(in.Text()), " "); verb {
		case "DATA":
			say("354 go on")
			var b strings.Builder
			for in.Scan() && in.Text() != "." {
				b.WriteString(in.Text() + "\n")
			}
			m.keep(b.String())
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (m *Mailbox) keep(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	// Quoted-printable: an "=" at the end of a line goes on in the next, "=3D" is "=".
	m.mail = append(m.mail, strings.ReplaceAll(strings.ReplaceAll(text, "=\n", ""), "=3D", "="))
	select {
	case m.come <- struct{}{}:
	default:
	}
}

var link = regexp.MustCompile(`/Verify\?token=[0-9a-f]+`)

// Link waits for a mail to an address and returns the path and query of the link in it.
func (m *Mailbox) Link(email string) string {
	m.tb.Helper()
	deadline := time.After(patience)
	for {
		m.mu.Lock()
		for i := len(m.mail) - 1; i >= 0; i-- {
			if found := link.FindString(m.mail[i]); found != "" && strings.Contains(m.mail[i], "<"+email+">") {
				m.mu.Unlock()
				return found
			}
		}
		m.mu.Unlock()
		select {
		case <-m.come:
		case <-deadline:
			m.tb.Fatalf("no mail with a link to %s within %s", email, patience)
		}
	}
}
