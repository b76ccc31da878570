package siotest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Polling is one long-polling session; every method is one HTTP request.
type Polling struct {
	SID  string
	tb   testing.TB
	base string
	s    settings
	http *http.Client
	rest []string // packets that came in the same answer as the one PollUntil was waiting for
}

// Answer is what one HTTP request brought.
type Answer struct {
	Status int
	Body   string
	Header http.Header
}

// Packets splits a polling body into its Engine.IO packets.
func (a Answer) Packets() []string { return strings.Split(a.Body, "\x1e") }

// OpenPolling makes the handshake of a long-polling session.
func OpenPolling(tb testing.TB, baseURL string, opts ...Option) *Polling {
	tb.Helper()
	p := NewPolling(tb, baseURL, opts...)
	a := p.Get()
	if p.SID = sidOf(a.Body); a.Status != http.StatusOK || p.SID == "" {
		tb.Fatalf("siotest: polling handshake: %d %s", a.Status, a.Body)
	}
	return p
}

// sidOf is the session id in an OPEN packet, "" when there is none.
func sidOf(packet string) string {
	var open struct {
		Sid string `json:"sid"`
	}
	if len(packet) == 0 || packet[0] != '0' || json.Unmarshal([]byte(packet[1:]), &open) != nil {
		return ""
	}
	return open.Sid
}

// NewPolling prepares requests without making the handshake; without a SID, Get is a handshake.
func NewPolling(tb testing.TB, baseURL string, opts ...Option) *Polling {
	s := settings{query: url.Values{"EIO": {"4"}, "transport": {"polling"}}, header: http.Header{}}
	for _, o := range opts {
		o(&s)
	}
	transport := &http.Transport{}
	tb.Cleanup(transport.CloseIdleConnections)
	return &Polling{tb: tb, base: strings.TrimRight(baseURL, "/"), s: s, http: &http.Client{Transport: transport}}
}

// Get is one poll; it waits for what the server has to say.
func (p *Polling) Get() Answer { return p.do(context.Background(), http.MethodGet, nil) }

// GetContext is a poll that the caller may cancel; Status is then 0.
func (p *Polling) GetContext(ctx context.Context) Answer { return p.do(ctx, http.MethodGet, nil) }

// Post sends packets, several ones separated by U+001E.
func (p *Polling) Post(body string) Answer {
	return p.do(context.Background(), http.MethodPost, strings.NewReader(body))
}

// Do makes a request with any method and body.
func (p *Polling) Do(method string, body io.Reader) Answer {
	return p.do(context.Background(), method, body)
}

// Connect joins a namespace and returns every packet received until the reply, the reply included.
func (p *Polling) Connect(nsp, token string) []string {
	p.tb.Helper()
	body := ""
	if token != "" {
		b, _ := json.Marshal(map[string]string{"token": token})
		body = string(b)
	}
	if a := p.Post("40" + prefix(nsp) + body); a.Status != http.StatusOK {
		p.tb.Fatalf("siotest: connect %s: %d %s", nsp, a.Status, a.Body)
	}
	return p.PollUntil("40" + prefix(nsp))
}

// PollUntil polls, answering heartbeats, until a packet begins with start, and returns the packets up
// to that one. What came with it is left for the next call.
func (p *Polling) PollUntil(start string) []string {
	p.tb.Helper()
	var all []string
	for deadline := time.Now().Add(Timeout); ; {
		for len(p.rest) > 0 {
			packet := p.rest[0]
			p.rest = p.rest[1:]
			if all = append(all, packet); strings.HasPrefix(packet, start) {
				return all
			}
		}
		if time.Now().After(deadline) {
			p.tb.Fatalf("siotest: no packet %q in %q", start, all)
		}
		a := p.Get()
		if a.Status != http.StatusOK {
			p.tb.Fatalf("siotest: poll: %d %s after %q", a.Status, a.Body, all)
		}
		p.rest = a.Packets()
		for _, packet := range p.rest {
			if packet == "2" {
				p.Post("3")
			}
		}
	}
}

func (p *Polling) do(ctx context.Context, method string, body io.Reader) Answer {
	p.tb.Helper()
	q := url.Values{}
	for k, v := range p.s.query {
		q[k] = v
	}
	if p.SID != "" {
		q.Set("sid", p.SID)
	}
	ctx, cancel := context.WithTimeout(ctx, 6*Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, p.base+"/socket.io/?"+q.Encode(), body)
	if err != nil {
		p.tb.Fatalf("siotest: %v", err)
	}
	for k, v := range p.s.header {
		r.Header[k] = v
	}
	if body != nil && r.Header.Get("Content-Type") == "" {
		r.Header.Set("Content-Type", "text/plain;charset=UTF-8")
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	resp, err := p.http.Do(r)
	if err != nil {
		return Answer{Body: err.Error()}
	}
	defer func() { _ = resp.Body.Close() }()
	b, _ := io.ReadAll(resp.Body)
	return Answer{Status: resp.StatusCode, Body: string(b), Header: resp.Header}
}
