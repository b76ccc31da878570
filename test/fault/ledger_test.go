package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"chaffer/internal/models"
)

// entry is one message that somebody wanted to send.
type entry struct {
	sender models.UserRef
	chat   string // its name, as in the canary
	key    string
	text   string
	began  int64 // of the first try, ns since the run's start
	ended  int64 // of the acknowledgement; 0: none
	msg    message
	tries  int
}

// ledger is what the clients did and were told.
type ledger struct {
	began time.Time
	mu    sync.Mutex
	all   map[string]*entry // by sender and key
	acked int
}

func (l *ledger) key(u models.UserRef, key string) string { return u.String() + "\x00" + key }

func (l *ledger) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.began = int64(time.Since(l.began))
	l.all[l.key(e.sender, e.key)] = e
}

// ack notes an answer; false when it contradicts an earlier one.
func (l *ledger) ack(e *entry, m message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.ended != 0 {
		return e.msg == m
	}
	e.ended, e.msg = int64(time.Since(l.began)), m
	l.acked++
	return m.Text == e.text && m.ClientMessageID == e.key
}

// ackedAt is when somebody else's message was acknowledged.
func (l *ledger) ackedAt(key string, not models.UserRef) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	kind, rest, _ := strings.Cut(key, "-")
	id, _, _ := strings.Cut(rest, "-")
	u := models.UserRef{Type: models.UserType(kind), ID: id} // customer-12-7 is customer 12's seventh
	if u == not {
		return time.Time{}, false
	}
	e := l.all[l.key(u, key)]
	if e == nil || e.ended == 0 {
		return time.Time{}, false
	}
	return l.began.Add(time.Duration(e.ended)), true
}

func (l *ledger) size() (asked, acked int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.all), l.acked
}

// pair is one chat: a customer and a vendor about one product.
type pair struct {
	name     string
	customer models.UserRef
	vendor   models.UserRef
}

// write sends for one person on one device until stop is closed and everything is acknowledged;
// several messages are in flight, some are sent twice, and the same key is tried until it is answered.
func (r *run_) write(d *device, chats []pair, pause time.Duration, stop <-chan struct{}) {
	random := rand.New(rand.NewPCG(r.seed, uint64(len(d.who.ID))<<32|hash(d.who.String())))
	var open []*entry
	for n := 0; ; {
		select {
		case <-stop:
			if len(open) == 0 {
				return
			}
			if time.Since(r.stopped()) > time.Minute {
				r.fail(1, "%s could not get %d messages acknowledged within a minute after the faults", d.who, len(open))
				return
			}
		default:
			for want := 1 + random.IntN(4); len(open) < want; n++ {
				p := chats[random.IntN(len(chats))]
				key := fmt.Sprintf("%s-%s-%d", d.who.Type, d.who.ID, n)
				e := &entry{sender: d.who, chat: p.name, key: key, text: canary(p.name, key)}
				r.ledger.add(e)
				open = append(open, e)
			}
		}
		open = r.round(d, chats, open, random)
		time.Sleep(pause/2 + time.Duration(random.Int64N(int64(pause))))
	}
}

// round sends all that is open at once, in order, and returns what was not acknowledged.
func (r *run_) round(d *device, chats []pair, open []*entry, random *rand.Rand) (left []*entry) {
	type trial struct {
		e      *entry
		answer chan []byte
	}
	var trials []trial
	for _, e := range open {
		to := ""
		for _, p := range chats {
			if p.name == e.chat && d.who.Type == models.TypeCustomer {
				to = p.vendor.ID
			} else if p.name == e.chat {
				to = p.customer.ID
			}
		}
		payload := map[string]any{"productId": e.chat, "recipientId": to, "text": e.text, "clientMessageId": e.key}
		e.tries++
		times := 1
		if random.IntN(20) == 0 {
			times = 2
		}
		for range times {
			answer, err := d.begin("sendMessage", payload)
			if err != nil {
				answer = nil
			}
			trials = append(trials, trial{e, answer})
		}
	}
	last := map[string]int64{}
	failed := map[string]bool{}
	for _, t := range trials {
		if t.answer == nil {
			left = keep(left, t.e)
			continue
		}
		b, err := d.wait(t.answer)
		if errors.Is(err, errSlow) {
			r.fail(17, "%s: a send was not answered within 15 s", d.who)
			d.close()
		}
		var answer struct {
			Error      bool
			StatusCode int
			Message    string
			Duplicate  bool
			Data       message
		}
		if err != nil || json.Unmarshal(b, &answer) != nil || (answer.Error && answer.StatusCode == 503) {
			left, failed[t.e.chat] = keep(left, t.e), true
			continue
		}
		if answer.Error {
			r.fail(2, "%s was refused: %.200s", d.who, b)
			continue
		}
		if !r.ledger.ack(t.e, answer.Data) {
			r.fail(3, "%s: two acknowledgements of %s differ", d.who, t.e.key)
		}
		if t.e.tries == 1 && !answer.Duplicate && !failed[t.e.chat] {
			if answer.Data.Seq <= last[t.e.chat] {
				r.fail(6, "%s: of messages sent one after the other on a socket, %s got place %d after %d", d.who, t.e.key, answer.Data.Seq, last[t.e.chat])
			}
			last[t.e.chat] = answer.Data.Seq
		}
	}
	kept := left[:0]
	for _, e := range left {
		if e.ended == 0 {
			kept = append(kept, e)
		}
	}
	return kept
}

func keep(left []*entry, e *entry) []*entry {
	for _, other := range left {
		if other == e {
			return left
		}
	}
	return append(left, e)
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}
