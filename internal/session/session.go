// Package session ends sessions before their tokens expire: a person's tokens issued up to a moment
// are refused from then on, on every node, and the sockets that live by them are cut.
package session

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

const (
	// pollEvery is how late a node hears of a revocation at most when nobody announces it.
	pollEvery = 2 * time.Second
	// overlap is read again with each poll: clocks of nodes may be that far apart.
	overlap = time.Minute
)

// Revoked: tokens of User issued up to At are no longer good.
type Revoked struct {
	User models.UserRef `json:"user"`
	At   time.Time      `json:"at"`
}

// Sessions knows who has been signed out. Its methods may be called from any goroutine.
type Sessions struct {
	store *store
	log   *slog.Logger
	cut   func(Revoked) // ends the sockets of this node
	tell  func(Revoked) // other nodes

	mu      sync.RWMutex
	revoked map[models.UserRef]time.Time
	newest  time.Time

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// New reads what was revoked before. Start begins to follow what other nodes revoke; Close ends it.
func New(ctx context.Context, d *db.DB, log *slog.Logger) (*Sessions, error) {
	s := &Sessions{
		store: &store{db: d}, log: log, cut: func(Revoked) {}, tell: func(Revoked) {},
		revoked: map[models.UserRef]time.Time{}, cancel: func() {},
	}
	return s, s.poll(ctx)
}

// Start follows the table. cut ends this node's sockets; tell, which may be nil, announces a
// revocation to other nodes at once. Neither may block for long.
func (s *Sessions) Start(cut, tell func(Revoked)) {
	s.cut = cut
	if tell != nil {
		s.tell = tell
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	s.wg.Go(func() { s.follow(ctx) })
}

// Close stops following and waits.
func (s *Sessions) Close() {
	s.cancel()
	s.wg.Wait()
}

// Revoke ends every session of u that began until now. It returns when that is stored and this
// node's sockets are cut; other nodes follow within pollEvery. Errors: Unavailable.
func (s *Sessions) Revoke(ctx context.Context, u models.UserRef) (Revoked, error) {
	r := Revoked{User: u, At: db.Now()}
	if err := s.store.revoke(ctx, r); err != nil {
		return Revoked{}, err
	}
	s.Arrived(r)
	s.tell(r)
	return r, nil
}

// Arrived takes over a revocation, of this node or another.
func (s *Sessions) Arrived(r Revoked) {
	s.mu.Lock()
	news := r.At.After(s.revoked[r.User])
	if news {
		s.revoked[r.User] = r.At
	}
	s.mu.Unlock()
	if news {
		s.cut(r)
	}
}

// Over reports whether a session that began with this token has been ended.
func (s *Sessions) Over(id auth.Identity) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	at, revoked := s.revoked[id.User]
	return revoked && !id.Issued.After(at)
}

// Guard adds revocations to what v refuses.
func (s *Sessions) Guard(v auth.Verifier) auth.Verifier { return guarded{v, s} }

// ErrOver is what a revoked token is answered.
var ErrOver = apperr.New(apperr.Unauthorized, "Your sessions have been ended: sign in again")

type guarded struct {
	auth.Verifier
	sessions *Sessions
}

// Verify implements auth.Verifier.
func (g guarded) Verify(ctx context.Context, token string) (auth.Identity, error) {
	id, err := g.Verifier.Verify(ctx, token)
	if err == nil && g.sessions.Over(id) {
		return auth.Identity{}, ErrOver
	}
	return id, err
}

func (s *Sessions) follow(ctx context.Context) {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		err := s.poll(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			s.log.Warn("Revocations could not be read, those known so far stay in force", "err", err)
		}
		failed = err != nil
	}
}

func (s *Sessions) poll(ctx context.Context) error {
	s.mu.RLock()
	from := s.newest
	s.mu.RUnlock()
	if !from.IsZero() {
		from = from.Add(-overlap)
	}
	rows, err := s.store.since(ctx, from)
	if err != nil {
		return err
	}
	for _, r := range rows {
		s.Arrived(Revoked{User: r.User(), At: r.At.UTC()})
		s.mu.Lock()
		if r.At.After(s.newest) {
			s.newest = r.At
		}
		s.mu.Unlock()
	}
	return nil
}
