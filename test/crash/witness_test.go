package crash

import (
	"encoding/json"
	"testing"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// witness is a vendor's device that only listens: it comes back after every crash and writes
// down what each connection brought. It never asks for history and never acknowledges.
type witness struct {
	who    models.UserRef
	got    map[string]map[int64]message // by chat and seq, over all connections
	rounds int
}

// run listens until stop is closed; what is on its way then is found by the last connection,
// which the caller makes with once.
func (w *witness) run(t *testing.T, n *node, stop <-chan struct{}) {
	for !closed(stop) {
		c := connect(t, n, w.who, stop)
		if c == nil {
			return
		}
		w.rounds++
		select {
		case <-c.Done():
		case <-stop:
		}
		// First the end, then the count: what is read in between is answered for by heartbeats.
		c.Close()
		w.keep(t, c)
	}
}

// once connects one last time and waits until this device has everything up to last, by chat.
func (w *witness) once(t *testing.T, n *node, last map[string]int64) {
	c := connect(t, n, w.who, nil)
	if c == nil {
		return
	}
	defer c.Close()
	deadline := time.Now().Add(siotest.Timeout)
	for {
		w.keep(t, c)
		missing := 0
		for chat, top := range last {
			missing += int(top) - len(w.got[chat])
		}
		if missing == 0 || t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			t.Errorf("%s never got %d messages: they were neither live nor in offlineMessages", w.who, missing)
			return
		}
		before := len(c.Received())
		// Not an error when nothing comes: the deadline above decides.
		_ = c.Wait(time.Second, func(all []siotest.Received) bool { return len(all) > before })
	}
}

// keep takes over what a connection has received, and holds it to the order within a connection.
func (w *witness) keep(t *testing.T, c *siotest.Client) {
	rising := map[string]int64{}
	for _, r := range c.Received() {
		if r.Nsp != "/chat" || r.Kind != siotest.KindEvent {
			continue
		}
		for _, m := range messagesOf(t, r) {
			if m.Seq <= rising[m.ChatID] {
				t.Errorf("%s: seq %d of %s came after %d on one connection", w.who, m.Seq, m.ChatID, rising[m.ChatID])
			}
			rising[m.ChatID] = m.Seq
			if w.got[m.ChatID] == nil {
				w.got[m.ChatID] = map[int64]message{}
			}
			if before, ok := w.got[m.ChatID][m.Seq]; ok && before != m {
				t.Errorf("%s: seq %d of %s was %+v and is %+v", w.who, m.Seq, m.ChatID, before, m)
			}
			w.got[m.ChatID][m.Seq] = m
		}
	}
}

// messagesOf are the messages an event delivers; userChats is a list, not a delivery.
func messagesOf(t *testing.T, r siotest.Received) []message {
	var (
		one  struct{ Data message }
		list struct{ Data []message }
		chat struct{ Data struct{ Messages []message } }
		err  error
	)
	switch r.Event {
	case "receiveMessage":
		err = json.Unmarshal(r.Arg(), &one)
		list.Data = []message{one.Data}
	case "newChat":
		err = json.Unmarshal(r.Arg(), &chat)
		list.Data = chat.Data.Messages
	case "offlineMessages":
		err = json.Unmarshal(r.Arg(), &list)
	}
	if err != nil {
		t.Errorf("%s: %v", r.Event, err)
	}
	return list.Data
}
