package chat

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

const (
	// ErasedName is what the other side sees instead of a name.
	ErasedName = "Deleted user"

	eraseRange = 2000             // places of one chat in one transaction
	eraseTell  = 100              // newest deletions of a chat that live sockets hear of; resume tells the rest
	jobLease   = 30 * time.Second // a job that nobody has moved for so long is taken over
	jobsEvery  = 10 * time.Second

	retentionEvery = time.Hour
	retentionBatch = 1000 // chats looked at in one query
)

// Erase begins to remove what a person wrote: text, pictures, names, wherever they are kept; an account
// of theirs is gone when it returns. For the
// other side each message stays as a tombstone of a deleted user. It returns at once; the job goes
// on after a crash, on any node, and EraseJob tells how far it is. A second call while one is running
// returns that one. Errors: NotFound for somebody without a chat or an account, Unavailable.
func (s *Service) Erase(ctx context.Context, admin, u models.UserRef) (models.Job, error) {
	if err := s.knows(ctx, u); err != nil {
		return models.Job{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return models.Job{}, fmt.Errorf("make a job id: %w", err)
	}
	now := s.now()
	j, err := s.store.startJob(ctx, models.Job{
		ID: id.String(), Kind: "erase", UserType: u.Type, UserID: u.ID, State: "running",
		RequestedByType: admin.Type, RequestedByID: admin.ID, CreatedAt: now, UpdatedAt: now.Add(-2 * jobLease), // free to be taken
	})
	if err != nil {
		return models.Job{}, err
	}
	if s.settings.SignOut != nil {
		if err := s.settings.SignOut(ctx, u); err != nil {
			return models.Job{}, err
		}
	}
	s.worker.kick()
	return j, nil
}

// knows is NotFound for somebody who has neither a chat nor an account.
func (s *Service) knows(ctx context.Context, u models.UserRef) error {
	_, err := s.store.user(ctx, u)
	if !apperr.Is(err, apperr.NotFound) {
		return err
	}
	a, err := s.store.account(ctx, u)
	if err == nil && a == nil {
		err = userNotFound()
	}
	return err
}

// EraseJob is the latest erasure of a person; NotFound when there was none.
func (s *Service) EraseJob(ctx context.Context, u models.UserRef) (models.Job, error) {
	return s.store.latestJob(ctx, u)
}

// worker does what outlives a request: erasures, and retention by age.
type worker struct {
	service *Service
	wake    chan struct{}
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func newWorker(s *Service) *worker {
	w := &worker{service: s, wake: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	w.wg.Go(func() { w.run(ctx) })
	return w
}

func (w *worker) kick() {
	select {
	case w.wake <- struct{}{}:
	default: // it is awake
	}
}

func (w *worker) close() {
	w.cancel()
	w.wg.Wait()
}

func (w *worker) run(ctx context.Context) {
	jobs, aging := time.NewTicker(jobsEvery), time.NewTicker(retentionEvery)
	defer jobs.Stop()
	defer aging.Stop()
	w.age(ctx)
	for {
		if err := w.work(ctx); err != nil && ctx.Err() == nil {
			w.service.log.Warn("An erasure was interrupted and goes on later", "err", err)
		}
		select {
		case <-jobs.C:
		case <-w.wake:
		case <-aging.C:
			w.age(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// work takes the jobs that nobody is working on, one after the other.
func (w *worker) work(ctx context.Context) error {
	for {
		j, found, err := w.service.store.claimJob(ctx, w.service.now(), jobLease)
		if err != nil || !found {
			return err
		}
		if err := w.erase(ctx, j); err != nil {
			return fmt.Errorf("erase %s: %w", j.User(), err)
		}
		w.service.log.Info("A person has been erased", "user", j.User().String(), "job", j.ID)
	}
}

// erase goes on with a job from its position: chats in id order, each in runs of places.
func (w *worker) erase(ctx context.Context, j models.Job) error {
	s, u := w.service, j.User()
	for {
		chatID, err := s.store.nextChatOf(ctx, u, j.Position)
		if err != nil {
			return err
		}
		if chatID == "" {
			break
		}
		if err := w.eraseChat(ctx, u, chatID, &j); err != nil {
			return err
		}
		j.Position = chatID
		if err := s.store.moveJob(ctx, j, s.now()); err != nil {
			return err
		}
	}
	return s.store.endErase(ctx, j, s.now())
}

// eraseChat empties what u wrote in one chat. A run that was done before is done again without harm.
func (w *worker) eraseChat(ctx context.Context, u models.UserRef, chatID string, j *models.Job) error {
	s := w.service
	c, err := s.store.chat(ctx, chatID)
	if err != nil {
		return err
	}
	for from := int64(0); from < c.LastSeq; from += eraseRange {
		to := min(from+eraseRange, c.LastSeq)
		_, fresh, err := s.store.wipe(ctx, chatID, wiped{from: from, to: to, sender: &u}, s.now())
		if err != nil {
			return err
		}
		j.Done += to - from
		if err := s.store.moveJob(ctx, *j, s.now()); err != nil {
			return err
		}
		w.tell(ctx, chatID, fresh, c.LastSeq)
	}
	if err := s.store.eraseCard(ctx, c, u, s.now()); err != nil {
		return err
	}
	s.known.forget(chatID)
	return nil
}

// tell lets live sockets know of the newest deletions; the rest is told by resume.
func (w *worker) tell(ctx context.Context, chatID string, fresh []models.Message, last int64) {
	if len(fresh) == 0 {
		return
	}
	e, err := w.service.entry(ctx, chatID)
	if err != nil {
		return // the chat is gone, or the database is: the next resume tells
	}
	for _, m := range fresh {
		if m.Seq > last-eraseTell {
			w.service.publish(MessageDeleted{ChatID: chatID, Members: e.members, MessageID: m.ID, Seq: m.Seq, Rev: m.Rev})
		}
	}
}

// age erases messages older than the retention, if there is one.
func (w *worker) age(ctx context.Context) {
	s := w.service
	if s.settings.Retention <= 0 {
		return
	}
	cutoff := s.now().Add(-s.settings.Retention)
	n, err := w.eraseBefore(ctx, cutoff)
	if n > 0 {
		s.log.Info("Messages older than the retention have been erased", "messages", n)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("Old messages could not be erased, they will be tried again", "err", err)
	}
}

// eraseBefore goes through the chats in id order. Places are in the order of time, so of each chat
// only the first place that is left has to be looked at.
func (w *worker) eraseBefore(ctx context.Context, cutoff time.Time) (int64, error) {
	var total int64
	for after := uuid.Nil.String(); ; {
		page, err := w.service.store.agedAfter(ctx, after, cutoff, retentionBatch)
		if err != nil || len(page) == 0 {
			return total, err
		}
		for _, c := range page {
			if !c.Due {
				continue
			}
			n, err := w.eraseAged(ctx, c, cutoff)
			if total += n; err != nil {
				return total, err
			}
		}
		after = page[len(page)-1].ID
	}
}

// eraseAged empties one chat's old places, a run at a time. A run that was done before is done again
// without harm.
func (w *worker) eraseAged(ctx context.Context, c aged, cutoff time.Time) (total int64, err error) {
	s := w.service
	for {
		to, err := s.store.lastBefore(ctx, c.ID, c.AgedSeq, c.AgedSeq+eraseRange, cutoff)
		if err != nil || to == 0 {
			return total, err
		}
		done, fresh, err := s.store.wipe(ctx, c.ID, wiped{from: c.AgedSeq, to: to, before: cutoff}, s.now())
		if err != nil {
			return total, err
		}
		if err := s.store.moveAged(ctx, c.ID, to); err != nil {
			return total, err
		}
		total += done
		w.tell(ctx, c.ID, fresh, to)
		c.AgedSeq = to
	}
}
