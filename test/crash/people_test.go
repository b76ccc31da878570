package crash

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// message is what a client sees of one.
type message struct {
	ID              string
	ChatID          string
	Seq             int64
	Text            string
	ClientMessageID string
}

// acked is a send that was acknowledged.
type acked struct {
	message
	after int64 // the highest seq of this chat the sender knew of when it first sent this
}

// connect joins both namespaces as that person, again and again until it works or stop is
// closed or the test has failed (nil, then). The server may be gone at any moment.
func connect(t *testing.T, n *node, who models.UserRef, stop <-chan struct{}) *siotest.Client {
	token, err := auth.Mint(secret, auth.Claims{User: who}, time.Hour)
	if err != nil {
		t.Error(err)
		return nil
	}
	for !t.Failed() {
		if c, _, err := siotest.TryDial(t, n.url); err == nil {
			credentials := map[string]string{"token": token}
			_, err1 := c.TryConnect("/presence", credentials)
			_, err2 := c.TryConnect("/chat", credentials)
			if err1 == nil && err2 == nil {
				if _, err := c.TryExpect("/chat", "offlineMessages", siotest.Timeout); err == nil {
					return c
				}
			}
			c.Close()
		}
		select {
		case <-stop:
			return nil
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// sender writes to one vendor about one product, several messages in flight, and tries each
// again with the same key until it is acknowledged.
type sender struct {
	who     models.UserRef
	vendor  string
	mu      sync.Mutex
	results map[string]acked // by key
	texts   map[string]string
	retries int
	top     int64 // highest seq known
}

const inFlight = 8

// run sends until stop is closed and everything begun has been acknowledged.
func (s *sender) run(t *testing.T, n *node, stop <-chan struct{}) {
	var pending []string
	after := map[string]int64{}
	never := make(chan struct{})
	for number := 0; ; {
		c := connect(t, n, s.who, never)
		for c != nil && c.Err() == nil {
			for len(pending) < inFlight && !closed(stop) {
				number++
				key := fmt.Sprintf("%s-%d", s.who.ID, number)
				pending = append(pending, key)
				after[key] = s.top
				s.note(key, "text of "+key)
			}
			if len(pending) == 0 {
				c.Close()
				return
			}
			pending = s.round(t, c, pending, after)
		}
		if t.Failed() {
			return
		}
	}
}

// round sends all pending keys at once and returns those that were not acknowledged.
func (s *sender) round(t *testing.T, c *siotest.Client, pending []string, after map[string]int64) (left []string) {
	ids := make([]int, len(pending))
	for i, key := range pending {
		ids[i] = c.EmitID("/chat", "sendMessage", map[string]any{
			"productId": "crash", "recipientId": s.vendor, "text": s.texts[key], "clientMessageId": key,
		})
	}
	for i, key := range pending {
		body, err := c.TryAck("/chat", ids[i], siotest.Timeout)
		if err != nil {
			left = append(left, key)
			continue
		}
		var answer struct {
			Error      bool
			StatusCode int
			Message    string
			Data       message
		}
		if err := json.Unmarshal(body, &answer); err != nil {
			t.Errorf("acknowledgement %s: %v", body, err)
			return nil
		}
		switch {
		case !answer.Error:
			s.settle(t, key, acked{answer.Data, after[key]})
		case answer.StatusCode == 503:
			left = append(left, key)
		default:
			t.Errorf("send %s was refused: %s", key, body)
			return nil
		}
	}
	s.mu.Lock()
	s.retries += len(left)
	s.mu.Unlock()
	return left
}

func (s *sender) note(key, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[key] = text
}

func (s *sender) settle(t *testing.T, key string, a acked) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.results[key]; twice {
		t.Errorf("%s was acknowledged twice on one request", key)
	}
	s.results[key] = a
	s.top = max(s.top, a.Seq)
}

func (s *sender) acknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.results)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
