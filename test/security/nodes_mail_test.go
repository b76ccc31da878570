package security

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"
)

// mailbox is a mail server that keeps what it is given.
type mailbox struct {
	host, port string
	mails      chan string // the lines of each, headers and all
}

func openMailbox(t *testing.T) *mailbox {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ln.Close() })
	m := &mailbox{host: "127.0.0.1", port: strconv.Itoa(ln.Addr().(*net.TCPAddr).Port), mails: make(chan string, 20)}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return // the test is over
			}
			go m.serve(conn)
		}
	}()
	return m
}

// serve speaks as much of RFC 5321 as a client needs that wants neither encryption nor a login.
func (m *mailbox) serve(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	r := bufio.NewReader(conn)
	say := func(line string) { _, _ = fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 mailbox")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case verb == "DATA":
			say("354 go on")
			var mail strings.Builder
			for line, err = r.ReadString('\n'); err == nil && line != ".\r\n"; line, err = r.ReadString('\n') {
				mail.WriteString(line)
			}
			m.mails <- mail.String()
			say("250 kept")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

// link waits for a mail to an address and takes the path of its link out.
func (n *nodes) link(email string) string {
	n.Helper()
	for deadline := time.After(20 * time.Second); ; {
		select {
		case mail := <-n.mail.mails:
			plain := strings.NewReplacer("=\r\n", "", "=3D", "=").Replace(mail) // quoted-printable
			if i := strings.Index(plain, "/Verify?token="); i >= 0 && strings.Contains(plain, email) {
				return strings.Fields(plain[i:])[0]
			}
		case <-deadline:
			n.Fatalf("there is no mail to %s", email)
		}
	}
}
