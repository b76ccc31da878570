package chat

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

const (
	maxBatch      = 512             // messages in one transaction
	commitTimeout = 5 * time.Second // how long one transaction may take
	probeTimeout  = 2 * time.Second // the same, while the last one found no database
)

// committer turns many sends into few transactions. A worker takes whatever is waiting, with no
// timer: alone, a message is one transaction at once; under load, the batch grows by itself.
// Which messages may be taken, and in what order they are answered, is the business of lanes.
type committer struct {
	service *Service
	lanes   *lanes
	workers sync.WaitGroup
	answers sync.WaitGroup
	doubt   atomic.Bool // the database did not answer the last transaction
}

func newCommitter(s *Service, count int) *committer {
	c := &committer{service: s, lanes: newLanes(count)}
	for _, l := range c.lanes.all {
		c.workers.Go(c.run)
		c.answers.Go(func() {
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
	if c.service.settings.Complete != nil {
		// Somebody may be on another node: asked here, in parallel, so that the worker finds the answer remembered.
		c.service.anyOnline(op)
	}
	if err := c.lanes.add(op, c.doubt.Load()); err != nil {
		op.done(Sent{}, err)
	}
}

// close commits what is queued and waits for it.
func (c *committer) close() {
	c.lanes.close()
	c.workers.Wait()
	for _, l := range c.lanes.all {
		close(l.decided)
	}
	c.answers.Wait()
}

var errNoDatabase = apperr.New(apperr.Unavailable, db.Unreachable)

// run is one worker: there are as many as lanes, so that one is free for each lane that has something.
func (c *committer) run() {
	for {
		t := c.lanes.next()
		if t == nil {
			return
		}
		c.commit(t.batch)
		c.lanes.release(t, c.doubt.Load())
	}
}

// commit stores a batch, and says in each message what became of it.
func (c *committer) commit(batch []*appendOp) {
	live := make([]*appendOp, 0, len(batch))
	for _, op := range batch {
		if op.err = op.ctx.Err(); op.err == nil { // else it waited too long; nothing was stored
			live = append(live, op)
		}
	}
	if len(live) == 0 {
		return
	}
	s := c.service
	now := s.now()
	for _, op := range live {
		op.message.CreatedAt, op.message.UpdatedAt = now, now
		op.message.RecipientOnline = s.anyOnline(op)
	}
	c.store(live)
	s.counters.commits.Add(1)
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
