package chat

import (
	"context"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

const (
	// Positions confirmed by heartbeats are gathered before they are written: for as long as gatherCost
	// for each of the last time says, within these bounds.
	gatherLeast = 50 * time.Millisecond
	gatherMost  = 300 * time.Millisecond
	gatherCost  = time.Millisecond
	// positionTimeout bounds one write of gathered positions.
	positionTimeout = 5 * time.Second
	// maxWaiting bounds the positions in memory; what is beyond is confirmed by a later heartbeat.
	maxWaiting = 100_000
)

// position is how far a message stream of one chat has reached one person.
type position struct {
	chatID string
	user   models.UserRef
}

// positionWriter gathers delivered positions and writes them together: those confirmed by a
// heartbeat after a moment of gathering, those a client acknowledged as soon as the writer is free.
type positionWriter struct {
	service *Service
	first   chan struct{} // something waits where nothing did
	kick    chan struct{} // now
	stop    chan struct{}
	done    chan struct{}

	mu      sync.Mutex
	waiting map[position]int64
	answers []func(error)
	writing bool // a flush is under way with positions that are not in waiting any more
}

func newPositionWriter(s *Service) *positionWriter {
	w := &positionWriter{
		service: s, first: make(chan struct{}, 1), kick: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{}),
		waiting: map[position]int64{},
	}
	go w.run()
	return w
}

// Confirm notes that a connection has proved to hold everything up to seq. It is written within
// that long; should that fail, a later heartbeat confirms it again.
func (s *Service) Confirm(u models.UserRef, chatID string, seq int64) {
	s.positions.add(position{chatID, u}, seq, nil)
}

// Delivered moves the actor's delivered position of a chat, never back and never past what
// exists. It returns when the database has taken it, or has the row busy with a message being
// appended, in which case the next round takes it. NotFound when the chat is
// not the actor's.
func (s *Service) Delivered(ctx context.Context, actor models.UserRef, chatID string, upTo int64) error {
	if upTo < 0 {
		return invalid("upToSeq must be a whole number, 0 or more")
	}
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return err
	}
	answer := make(chan error, 1)
	s.positions.add(position{e.chat.ID, actor}, upTo, func(err error) { answer <- err })
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settle writes what is proved of one person and not written yet, so that a reader of their
// positions sees it.
func (w *positionWriter) settle(ctx context.Context, u models.UserRef) {
	w.mu.Lock()
	waits := w.writing
	for p := range w.waiting {
		if p.user == u {
			waits = true
			break
		}
	}
	var written chan struct{}
	if waits {
		written = make(chan struct{})
		w.answers = append(w.answers, func(error) { close(written) })
	}
	w.mu.Unlock()
	if !waits {
		return
	}
	w.hurry()
	select {
	case <-written:
	case <-ctx.Done():
	}
}

// hurry ends the waiting for more.
func (w *positionWriter) hurry() { nudge(w.kick) }

// nudge sends without waiting: whoever receives has one to come, or gets this.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *positionWriter) add(p position, seq int64, answer func(error)) {
	w.mu.Lock()
	if len(w.waiting) == 0 {
		nudge(w.first)
	}
	if _, known := w.waiting[p]; known || len(w.waiting) < maxWaiting || answer != nil {
		w.waiting[p] = max(w.waiting[p], seq)
	}
	if answer != nil {
		w.answers = append(w.answers, answer)
	}
	w.mu.Unlock()
	if answer != nil {
		w.hurry()
	}
}

func (w *positionWriter) close() {
	close(w.stop)
	<-w.done
}

func (w *positionWriter) run() {
	defer close(w.done)
	var gathered <-chan time.Time // nil: nothing waits
	wait := gatherLeast
	for {
		select {
		case <-w.stop:
			w.flush()
			return
		case <-w.first:
			if gathered == nil {
				gathered = time.After(wait)
			}
			continue
		case <-gathered:
		case <-w.kick:
		}
		gathered = nil
		wait = w.flush()
	}
}

// flush writes what waits, answers whoever waits for it, and returns how long to gather what comes next.
func (w *positionWriter) flush() time.Duration {
	w.mu.Lock()
	waiting, answers := w.waiting, w.answers
	w.waiting, w.answers, w.writing = map[position]int64{}, nil, len(waiting) > 0
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.writing = false
		w.mu.Unlock()
	}()
	if len(waiting) == 0 {
		for _, answer := range answers {
			answer(nil)
		}
		return gatherLeast
	}
	ctx, cancel := context.WithTimeout(context.Background(), positionTimeout)
	defer cancel()
	moved, err := w.service.store.moveDelivered(ctx, waiting)
	if err != nil {
		w.service.log.Error("delivered positions were not stored", "count", len(waiting), "err", err)
		if apperr.Is(db.Translate(err), apperr.Unavailable) {
			w.keep(waiting)
		}
	}
	if err == nil && len(moved) < len(waiting) {
		// Before the answers: a place that does not exist yet must not be remembered until it does.
		w.keep(w.service.store.stillBehind(ctx, waiting))
	}
	for _, answer := range answers {
		answer(err)
	}
	for _, m := range moved {
		w.service.announceDelivered(ctx, m)
	}
	if err != nil {
		return gatherMost
	}
	return min(max(time.Duration(len(waiting))*gatherCost, gatherLeast), gatherMost)
}

// keep puts positions back that the database could not take.
func (w *positionWriter) keep(waiting map[position]int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.waiting) == 0 {
		nudge(w.first)
	}
	for p, seq := range waiting {
		if len(w.waiting) >= maxWaiting {
			return
		}
		w.waiting[p] = max(w.waiting[p], seq)
	}
}

func (s *Service) announceDelivered(ctx context.Context, m models.Member) {
	e, err := s.entry(ctx, m.ChatID)
	if apperr.Is(err, apperr.NotFound) {
		return // taken away meanwhile: nobody is in it who could be told
	}
	if err != nil {
		s.log.Error("a delivered position was not announced", "chat", m.ChatID, "err", err)
		return
	}
	s.publish(DeliveredMoved{ChatID: m.ChatID, Members: e.members, Recipient: m.User(), DeliveredSeq: m.DeliveredSeq})
}
