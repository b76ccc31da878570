package chat

import (
	"context"
	"hash/maphash"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

const (
	laneQueue     = 4096            // messages waiting for a lane; beyond it the service says 503
	maxBatch      = 512             // messages in one transaction
	busyLane      = 64              // messages waiting in a lane from which on it waits for no other
	commitTimeout = 5 * time.Second // how long one transaction may take
	probeTimeout  = 2 * time.Second // the same, while the last one found no database
)

// committer turns many sends into few transactions. A lane takes whatever is waiting, with no
// timer: alone, a message is one transaction at once; under load, the batch grows by itself.
// All messages of a chat go through one lane of a node, which keeps their order; between nodes
// the row lock on the chat does.
type committer struct {
	service *Service
	lanes   []*lane
	seed    maphash.Seed
	wg      sync.WaitGroup
	doubt   atomic.Bool // the database did not answer the last transaction
	turn    sync.Mutex  // held by the lane that commits while there is little to do

	mu     sync.RWMutex // guards closed against a send on a closed lane
	closed bool
}

// lane is a queue of messages and whether its worker is in a transaction. What a transaction has
// decided is answered and published behind it, in order, while the next one runs.
type lane struct {
	queue   chan *appendOp
	decided chan []*appendOp
	busy    atomic.Bool
}

func newCommitter(s *Service, lanes int) *committer {
	c := &committer{service: s, seed: maphash.MakeSeed()}
	for range lanes {
		l := &lane{queue: make(chan *appendOp, laneQueue), decided: make(chan []*appendOp, 1)}
		c.lanes = append(c.lanes, l)
		c.wg.Go(func() { c.run(l) })
		c.wg.Go(func() {
			for batch := range l.decided {
				for _, op := range batch {
					c.finish(op)
				}
			}
		})
	}
	return c
}

// submit hands a message to its lane; op.done is called in every case.
func (c *committer) submit(op *appendOp) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.closed {
		op.done(Sent{}, apperr.New(apperr.Unavailable, "This server is shutting down, please reconnect and try again"))
		return
	}
	if c.service.settings.Complete != nil {
		// Somebody may be on another node: asked here, in parallel, so that the lane finds the answer remembered.
		c.service.anyOnline(op)
	}
	l := c.lanes[maphash.String(c.seed, op.lane())%uint64(len(c.lanes))]
	if c.doubt.Load() && (l.busy.Load() || len(l.queue) > 0) {
		op.done(Sent{}, errNoDatabase) // one message at a time finds out whether it is back
		return
	}
	select {
	case l.queue <- op:
	default:
		op.done(Sent{}, apperr.New(apperr.Unavailable, "The service is overloaded, please try again in a moment"))
	}
}

// close commits what is queued and waits for it.
func (c *committer) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	for _, lane := range c.lanes {
		close(lane.queue)
	}
	c.wg.Wait()
}

var errNoDatabase = apperr.New(apperr.Unavailable, db.Unreachable)

func (c *committer) run(l *lane) {
	defer close(l.decided)
	for op := range l.queue {
		l.busy.Store(true)
		l.decided <- c.round(l, op)
		if c.doubt.Load() {
			l.refuse()
		}
		l.busy.Store(false)
	}
}

// round commits what waits. A lane with little to do waits for the others' transactions, which
// collects more for its own: small ones side by side cost twice what one after the other do
// (2,000 a second: Postgres 400 and 200 µs a message). With much to do lanes run at once.
func (c *committer) round(l *lane, first *appendOp) []*appendOp {
	if len(l.queue) < busyLane {
		c.turn.Lock()
		defer c.turn.Unlock()
	}
	return c.commit(l.gather(first))
}

// gather adds what is waiting behind the first message, after everybody who is about to add
// something had a turn: no timer, but under load a batch that is worth its transaction.
func (l *lane) gather(first *appendOp) []*appendOp {
	runtime.Gosched()
	batch := append(make([]*appendOp, 0, min(maxBatch, 1+len(l.queue))), first)
	for len(batch) < maxBatch {
		select {
		case next, ok := <-l.queue:
			if ok {
				batch = append(batch, next)
				continue
			}
		default:
		}
		break
	}
	return batch
}

// refuse answers what has waited behind a transaction that found no database: to keep it would
// only answer the same later.
func (l *lane) refuse() {
	var waiting []*appendOp
	for len(l.queue) > 0 {
		op := <-l.queue
		op.err = errNoDatabase
		waiting = append(waiting, op)
	}
	l.decided <- waiting
}

// commit stores a batch, and says in each message what became of it.
func (c *committer) commit(batch []*appendOp) []*appendOp {
	live := make([]*appendOp, 0, len(batch))
	for _, op := range batch {
		if op.err = op.ctx.Err(); op.err == nil { // else it waited too long; nothing was stored
			live = append(live, op)
		}
	}
	if len(live) == 0 {
		return batch
	}
	s := c.service
	now := s.now()
	for _, op := range live {
		op.message.CreatedAt, op.message.UpdatedAt = now, now
		op.message.RecipientOnline = s.anyOnline(op)
	}
	c.store(live)
	s.counters.commits.Add(1)
	return batch
}

// store appends the batch. When the database refuses it for a reason that one message may carry
// alone, each is tried by itself, so that nobody fails for a neighbour.
func (c *committer) store(batch []*appendOp) {
	err := c.try(batch)
	if err == nil {
		return
	}
	if len(batch) > 1 && !apperr.Is(err, apperr.Unavailable) {
		for _, op := range batch {
			op.reset()
			if err := c.try([]*appendOp{op}); err != nil {
				op.err = err
			}
		}
		return
	}
	for _, op := range batch {
		op.err = err
	}
}

func (c *committer) try(batch []*appendOp) error {
	limit := commitTimeout
	if c.doubt.Load() {
		limit = probeTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	faultPoint("before-commit")
	err := db.Translate(c.service.store.append(ctx, batch))
	if err == nil {
		faultPoint("after-commit")
	}
	c.doubt.Store(apperr.Is(err, apperr.Unavailable))
	return err
}

// finish answers a message, and publishes it when it is new.
func (c *committer) finish(op *appendOp) {
	s := c.service
	if op.err != nil {
		s.counters.refused.Add(1)
		if !apperr.Is(op.err, apperr.Conflict) && !apperr.Is(op.err, apperr.NotFound) {
			s.log.Error("a message was not stored", "user", op.message.Sender().String(), "err", op.err)
		}
		op.done(Sent{}, op.err)
		return
	}
	s.known.remember(op.entry)
	s.store.show(&op.message)
	sent := Sent{Chat: op.chat(), Message: op.message, Opened: op.opened, Duplicate: op.duplicate}
	op.done(sent, nil)
	if op.duplicate {
		s.counters.repeated.Add(1)
		return
	}
	s.counters.stored.Add(1)
	s.typing.stop(typist{sent.Chat.ID, op.message.Sender()})
	faultPoint("before-publish")
	s.publish(MessageSent{
		Chat: sent.Chat, Members: op.entry.members, Message: op.message, Opened: op.opened, Origin: op.origin,
	})
	if op.opened {
		s.spread.note(op.message)
	}
	if op.wasUnread > 0 {
		at := op.message.CreatedAt
		s.publish(ReadMoved{
			ChatID: sent.Chat.ID, Members: op.entry.members, Origin: op.origin,
			Reader: models.Member{
				ChatID: sent.Chat.ID, UserType: op.message.SenderType, UserID: op.message.SenderID,
				ReadSeq: op.message.Seq, ReadAt: &at,
			},
		})
	}
}

// chat is the card with the figures of after the commit.
func (op *appendOp) chat() models.Chat {
	c := op.entry.chat
	c.LastSeq, c.LastMessageAt, c.UpdatedAt = op.message.Seq, op.message.CreatedAt, op.message.CreatedAt
	return c
}

// reset forgets what a failed attempt filled in.
func (op *appendOp) reset() {
	if op.open != nil {
		op.entry = nil
	}
	op.opened, op.duplicate, op.twin, op.err, op.wasUnread, op.message.Seq = false, false, nil, nil, 0, 0
}

// anyOnline reports whether one of the people the message is for is there.
func (s *Service) anyOnline(op *appendOp) bool {
	sender := op.message.Sender()
	if op.entry == nil {
		customer, vendor := op.open.Parties()
		return s.isOtherOnline(op.ctx, sender, customer) || s.isOtherOnline(op.ctx, sender, vendor)
	}
	for _, u := range op.entry.members {
		if s.isOtherOnline(op.ctx, sender, u) {
			return true
		}
	}
	return false
}

func (s *Service) isOtherOnline(ctx context.Context, sender, u models.UserRef) bool {
	return u != sender && s.presence.Online(ctx, u)
}
