//go:build figures

package fault

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"chaffer/internal/models"
)

// record prints a figure, and keeps it when FAULT_FIGURES names a file. A miss is a figure, too: it
// is written down, and does not fail the run.
func record(t *testing.T, name, target string, met bool, format string, args ...any) {
	t.Helper()
	m := measured{target, fmt.Sprintf(format, args...), met, commit(), time.Now().UTC().Format("2006-01-02")}
	t.Logf("%s: %s (target: %s, met: %v)", name, m.Figure, target, met)
	file := os.Getenv("FAULT_FIGURES")
	if file == "" {
		return
	}
	all := map[string]measured{}
	if b, err := os.ReadFile(file); err == nil {
		if err := json.Unmarshal(b, &all); err != nil {
			t.Fatal(err)
		}
	}
	all[name] = m
	b, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, append(b, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// client is a plain connection that counts what it is pushed.
type client struct {
	*socket
	ready  chan struct{} // closed with the first of the backlog
	got    atomic.Int64
	events atomic.Pointer[func(name string, body []byte)]
}

// join connects somebody and waits for the backlog's first event.
func join(n *node, u models.UserRef, on func(name string, body []byte)) (*client, error) {
	c := &client{ready: make(chan struct{})}
	opened := false
	s, err := dial(n, n.url, u, time.Hour, nil, func(_ *socket, name string, body []byte) {
		switch name {
		case "receiveMessage", "newChat":
			c.got.Add(1)
		case "offlineMessages":
			c.got.Add(int64(strings.Count(string(body), `"messageId"`)))
		}
		if on != nil {
			on(name, body)
		}
		if name == "offlineMessages" && !opened {
			opened = true
			close(c.ready)
		}
	})
	if err != nil {
		return nil, err
	}
	c.socket = s
	select {
	case <-c.ready:
		return c, nil
	case <-s.done:
		return nil, errGone
	case <-time.After(2 * patience):
		s.close()
		return nil, errSlow
	}
}

func mustJoin(t *testing.T, n *node, u models.UserRef, on func(name string, body []byte)) *client {
	t.Helper()
	c, err := join(n, u, on)
	if err != nil {
		t.Fatalf("%s could not join: %v", u, err)
	}
	t.Cleanup(c.close)
	return c
}

func customer(i int) models.UserRef {
	return models.UserRef{Type: models.TypeCustomer, ID: strconv.Itoa(i)}
}
func vendor(i int) models.UserRef {
	return models.UserRef{Type: models.TypeVendor, ID: strconv.Itoa(i)}
}

// say sends a text and returns where the answer comes.
func (c *client) say(t *testing.T, product string, to models.UserRef, text, key string) chan []byte {
	t.Helper()
	answer, err := c.begin("sendMessage", map[string]any{"productId": product, "recipientId": to.ID, "text": text, "clientMessageId": key})
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// stored waits for the answer to a send, which must be a success.
func stored(t *testing.T, answer chan []byte) message {
	t.Helper()
	m, err := answered(answer)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func answered(answer chan []byte) (message, error) {
	b, err := wait(answer)
	if err != nil {
		return message{}, err
	}
	var said struct {
		Error bool
		Data  message
	}
	if err := json.Unmarshal(b, &said); err != nil {
		return message{}, err
	}
	if said.Error {
		return message{}, fmt.Errorf("refused: %s", cut(string(b)))
	}
	return said.Data, nil
}

// until waits for something that becomes true.
func until(t *testing.T, limit time.Duration, what string, ok func() bool) time.Duration {
	t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > limit {
			t.Fatalf("%s: not within %s", what, limit)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
}

// memory is a line of /proc/PID/status in MB: VmRSS, VmHWM.
func memory(t *testing.T, pid int, line string) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), line+":")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return float64(kb) / 1024
}

// processor is the time a process has computed, user and system.
func processor(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b)[strings.LastIndexByte(string(b), ')')+1:])
	ticks := 0
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond // Linux counts in hundredths
}
