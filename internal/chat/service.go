// Package chat is what the service is about: chats between the two sides of a product, their
// messages, and how far each side has received and read them.
//
// What it promises: when Send returns, the message is durable and has its place (seq 1, 2, 3 …
// without a gap) in its chat; it is stored once per (sender, key); positions only move forward.
package chat

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// Presence is what this feature needs to know about who is there.
type Presence interface {
	Online(ctx context.Context, u models.UserRef) bool
}

// Catalogue is what this feature needs of the product catalogue. Find returns
// apperr.NotFound for a product the shop has not published.
type Catalogue interface {
	Find(ctx context.Context, productID string) (models.Product, error)
}

// Limiter bounds what one person may do on all sockets and nodes together. Each call counts
// once and returns 0, or how long to wait.
type Limiter interface {
	Send(ctx context.Context, u models.UserRef) time.Duration
	OpenChat(ctx context.Context, u models.UserRef) time.Duration
}

// Settings are the rules an operator may change.
type Settings struct {
	VendorMayOpenChats bool
	AllowHTTP          bool                                              // picture addresses may be http (development)
	SignOut            func(ctx context.Context, u models.UserRef) error // ends the sessions of who is erased; nil: nobody has any
	Retention          time.Duration                                     // messages older than this are erased; 0: kept for ever
	Pictures           Pictures                                          // nil: no addresses are made for uploads
	Lanes              int                                               // committer lanes; 0: chosen for the database
	Now                func() time.Time                                  // nil: the clock of package db
	Complete           func() bool                                       // whether news of all other nodes arrive; nil: there are no other nodes
}

// Service is the rules. Its methods may be called from any goroutine.
type Service struct {
	store     *store
	presence  Presence
	catalogue Catalogue
	limiter   Limiter
	settings  Settings
	log       *slog.Logger
	now       func() time.Time

	known     *directory
	committer *committer
	positions *positionWriter
	typing    *typing
	safety    *safety
	worker    *worker
	spread    *spread
	tidier    *tidier
	counters  counters

	mu        sync.RWMutex
	listeners []func(Event)
	alerted   atomic.Int64                                        // until when sweeps are frequent, in ns
	carry     func(kind string, people []models.UserRef, e Event) // to other nodes; nil: there are none
}

// NewService starts the committer. Close stops it.
func NewService(d *db.DB, p Presence, c Catalogue, l Limiter, s Settings, log *slog.Logger) *Service {
	svc := &Service{
		store: &store{db: d, pictures: s.Pictures, recent: newRecent()}, presence: p, catalogue: c, limiter: l, settings: s, log: log,
		now: db.Now, known: newDirectory(),
	}
	if s.Now != nil {
		svc.now = s.Now
	}
	lanes := s.Lanes
	if lanes == 0 {
		lanes = defaultLanes(d.Dialect)
	}
	svc.committer = newCommitter(svc, lanes)
	svc.positions = newPositionWriter(svc)
	svc.typing = newTyping(svc.publish)
	svc.safety = newSafety(svc.store)
	svc.worker = newWorker(svc)
	svc.spread = newSpread(svc)
	svc.tidier = newTidier(svc)
	return svc
}

// Subscribe adds a listener to what happens in chats. It is called in seq order for each chat,
// on the committer's goroutine, and must not block. Subscribe before the first send.
func (s *Service) Subscribe(listener func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.listeners = append(s.listeners, listener)
}

// Counterparts are the people who share a chat with u, each once.
func (s *Service) Counterparts(ctx context.Context, u models.UserRef) ([]models.UserRef, error) {
	return s.store.counterparts(ctx, u)
}

// Shares reports whether two people share a chat.
func (s *Service) Shares(ctx context.Context, a, b models.UserRef) (bool, error) {
	return s.store.shares(ctx, a, b)
}

// Close finishes what was accepted and stops. No method may be called afterwards.
func (s *Service) Close() {
	s.worker.close()
	s.tidier.close()
	s.committer.close()
	s.spread.close()
	s.positions.close()
	s.typing.close()
	s.safety.close()
}

// publish tells an event of this node to its listeners, and carries it to the others.
func (s *Service) publish(e Event) {
	s.hear(e, staleHere)
	s.mu.RLock()
	carry := s.carry
	s.mu.RUnlock()
	if kind := kindOf(e); carry != nil && kind != "" {
		carry(kind, e.Concerns(), e)
	}
}

// A message may have been deleted since it was committed. One that is told later than usual, because its
// node was stopped for a while or Redis was away, is not told from memory: the sweep that follows within
// sweepAlert reads it as it is now. What another node says may be under way for less than a second, after
// which nobody may be shown a deleted text any more; what this node says waits for the database, too.
const (
	staleHere  = 3 * time.Second
	staleThere = 900 * time.Millisecond
	alertFor   = 2 * time.Second // sweeps are frequent after such a message
)

func (s *Service) hear(e Event, stale time.Duration) {
	if sent, ok := e.(MessageSent); ok && time.Since(sent.Message.CreatedAt) > stale {
		s.alerted.Store(time.Now().Add(alertFor).UnixNano())
		return
	}
	s.safety.heed(e)
	s.mu.RLock()
	defer s.mu.RUnlock()
	for _, listener := range s.listeners {
		listener(e)
	}
}

// behind reports whether messages were left to the sweep a moment ago.
func (s *Service) behind() bool { return time.Now().UnixNano() < s.alerted.Load() }

func defaultLanes(d db.Dialect) int {
	if d == db.SQLite {
		return 1 // one writer at a time is all SQLite has
	}
	return 2
}
