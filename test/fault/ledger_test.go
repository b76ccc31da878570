package fault

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"time"

	"chaffer/internal/models"
)

// canary is the text of a message: whoever reads it knows where it belongs.
func canary(chat, key string) string {
	sum := sha256.Sum256([]byte(chat + "\x00" + key))
	return canaryMark + chat + "~" + key + "~" + hex.EncodeToString(sum[:6])
}

// entry is one message that somebody wanted to send. Times are ns since the run's start, 0: not yet.
type entry struct {
	sender  models.UserRef
	chat    string // its name, as in the canary
	key     string
	text    string
	began   int64 // the first try
	ended   int64 // the acknowledgement
	chatID  string
	id      string
	seq     int64
	tries   int
	erasing int64 // its deletion was asked for
	erased  int64 // and acknowledged
}

// ledger is what the clients did and were told.
type ledger struct {
	began time.Time
	mu    sync.Mutex
	all   map[string]*entry // by key, which names its sender: customer-12-7 is customer 12's seventh
	acked int
}

func (l *ledger) now() int64 { return int64(time.Since(l.began)) }

func (l *ledger) add(e *entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.began = l.now()
	l.all[e.key] = e
}

// ack notes an answer; false when it contradicts an earlier one, or is not what was sent.
func (l *ledger) ack(e *entry, m message) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.ended == 0 {
		e.ended, e.chatID, e.id, e.seq = l.now(), m.ChatID, m.ID, m.Seq
		l.acked++
	}
	return e.chatID == m.ChatID && e.id == m.ID && e.seq == m.Seq && m.Text == e.text && m.ClientMessageID == e.key
}

// about tells who sent a message, and when it was deleted and acknowledged; zero times: it was not.
func (l *ledger) about(key string) (sender models.UserRef, deleted, acked time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.all[key]
	if e == nil {
		return
	}
	if e.erased != 0 {
		deleted = l.began.Add(time.Duration(e.erased))
	}
	if e.ended != 0 {
		acked = l.began.Add(time.Duration(e.ended))
	}
	return e.sender, deleted, acked
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

// other is who somebody writes to.
func (p pair) other(u models.UserRef) models.UserRef {
	if u == p.customer {
		return p.vendor
	}
	return p.customer
}

func hash(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// cut is s without what does not fit into a line of a report.
func cut(s string) string { return strings.TrimSpace(s[:min(len(s), 200)]) }
