package fault

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"chaffer/internal/models"
)

// writer sends for one person: several messages are in flight at once, some are sent twice, and a
// key is tried until it is answered.
type writer struct {
	run    *run_
	device *device
	twin   *device // the person's other device, on the other node
	chats  []pair
	random *rand.Rand
	open   []*entry // asked for and not acknowledged
	sent   int
}

// write sends until stop is closed and everything is acknowledged.
func (w *writer) write(stop <-chan struct{}) {
	for {
		select {
		case <-stop:
			if len(w.open) == 0 {
				return
			}
			if time.Since(w.run.stopped()) > time.Minute {
				w.run.fail(1, "%s could not get %d messages acknowledged within a minute after the faults", w.device.who, len(w.open))
				return
			}
		default:
			for want := 1 + w.random.IntN(w.run.mix.inFlight); len(w.open) < want; w.sent++ {
				p := w.chats[w.random.IntN(len(w.chats))]
				key := fmt.Sprintf("%s-%s-%d", w.device.who.Type, w.device.who.ID, w.sent)
				e := &entry{sender: w.device.who, chat: p.name, key: key, text: canary(p.name, key)}
				w.run.ledger.add(e)
				w.open = append(w.open, e)
			}
		}
		w.round()
		time.Sleep(w.run.mix.pause/2 + time.Duration(w.random.Int64N(int64(w.run.mix.pause))))
	}
}

// trial is one emit of one message.
type trial struct {
	e      *entry
	node   *node
	answer chan []byte // nil: it could not be written
	third  bool        // on the other device
}

// round sends all that is open at once, in order, and keeps what was not acknowledged.
func (w *writer) round() {
	s := w.device.now()
	if s == nil {
		return
	}
	var trials []trial
	for _, e := range w.open {
		to := w.chatOf(e.chat).other(w.device.who)
		payload := map[string]any{"productId": e.chat, "recipientId": to.ID, "text": e.text, "clientMessageId": e.key}
		e.tries++
		times := 1
		if w.random.IntN(20) == 0 || w.run.doubling.Load() {
			times = 2
		}
		for range times {
			answer, err := s.begin("sendMessage", payload)
			if err != nil {
				answer = nil
			}
			trials = append(trials, trial{e, s.node, answer, false})
		}
		if twin := w.twin.now(); twin != nil && w.run.doubling.Load() && w.random.IntN(10) == 0 {
			if answer, err := twin.begin("sendMessage", payload); err == nil {
				trials = append(trials, trial{e, twin.node, answer, true})
			}
		}
	}
	last, failed := map[string]int64{}, map[string]bool{}
	for _, t := range trials {
		w.judge(s, t, last, failed)
	}
	kept := w.open[:0]
	for _, e := range w.open {
		if e.ended == 0 {
			kept = append(kept, e)
		} else if w.random.IntN(100) == 0 {
			w.erase(s, e)
		}
	}
	w.open = kept
}

// judge waits for an answer. last and failed are by chat: the newest place on this socket, and
// whether one of its messages failed, after which a later one may come before the retry.
func (w *writer) judge(s *socket, t trial, last map[string]int64, failed map[string]bool) {
	if t.answer == nil {
		failed[t.e.chat] = true
		return
	}
	b, err := wait(t.answer)
	if errors.Is(err, errSlow) {
		w.run.late(t.node, "%s: a send was not answered by %s within 15 s", w.device.who, t.node.name)
		s.close()
	}
	var answer struct {
		Error      bool
		StatusCode int
		Duplicate  bool
		Data       message
	}
	if err != nil || json.Unmarshal(b, &answer) != nil || (answer.Error && answer.StatusCode == 503) {
		failed[t.e.chat] = failed[t.e.chat] || !t.third
		return
	}
	if answer.Error {
		failed[t.e.chat] = true
		w.run.fail(2, "%s was refused: %s", w.device.who, cut(string(b)))
		return
	}
	if !w.run.ledger.ack(t.e, answer.Data) {
		w.run.fail(3, "%s: two acknowledgements of %s differ, or are not what was sent: %s", w.device.who, t.e.key, cut(string(b)))
	}
	if t.e.tries == 1 && !answer.Duplicate && !failed[t.e.chat] && !t.third {
		if answer.Data.Seq <= last[t.e.chat] {
			w.run.fail(6, "%s: of messages sent one after the other on a socket, %s got place %d after %d", w.device.who, t.e.key, answer.Data.Seq, last[t.e.chat])
		}
		last[t.e.chat] = answer.Data.Seq
	}
}

// erase deletes an acknowledged message. Without an answer it may be deleted or not.
func (w *writer) erase(s *socket, e *entry) {
	l := w.run.ledger
	l.mu.Lock()
	e.erasing = l.now()
	l.mu.Unlock()
	answer, err := s.begin("deleteMessage", map[string]any{"chatId": e.chatID, "messageId": e.id})
	if err != nil {
		return
	}
	b, err := wait(answer)
	if errors.Is(err, errSlow) {
		w.run.late(s.node, "%s: a deletion was not answered by %s within 15 s", w.device.who, s.node.name)
		s.close()
	}
	var said struct{ Error bool }
	if err == nil && json.Unmarshal(b, &said) == nil && !said.Error {
		l.mu.Lock()
		e.erased = l.now()
		l.mu.Unlock()
	}
}

func (w *writer) chatOf(name string) pair {
	for _, p := range w.chats {
		if p.name == name {
			return p
		}
	}
	return pair{}
}

func newWriter(r *run_, d, twin *device) *writer {
	return &writer{
		run: r, device: d, twin: twin, chats: r.chatsOf(d.who),
		random: rand.New(rand.NewPCG(r.seed, hash(d.who.String()))),
	}
}

func (r *run_) chatsOf(u models.UserRef) (out []pair) {
	for _, p := range r.pairs {
		if p.customer == u || p.vendor == u {
			out = append(out, p)
		}
	}
	return out
}
