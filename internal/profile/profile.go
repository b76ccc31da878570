// Package profile remembers what people are called, for contracts that show names: as their token,
// or their account, said last.
package profile

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

const (
	// remembered bounds the names a node keeps in memory.
	remembered = 50_000
	// keep is how long it does: a name that was changed or erased on another node is gone by then.
	keep = 20 * time.Second
)

// known is a name from memory.
type known struct {
	name  string
	until time.Time
}

// Service keeps names. Its methods may be called from any goroutine.
type Service struct {
	store *store
	known *lru.Cache[models.UserRef, known]
}

// NewService returns a service that remembers nobody yet.
func NewService(d *db.DB) *Service {
	names, err := lru.New[models.UserRef, known](remembered)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &Service{store: &store{db: d}, known: names}
}

// Note keeps what somebody is called; without a name it does nothing.
func (s *Service) Note(ctx context.Context, u models.UserRef, name, picture string) error {
	name = wire.CleanName(name)
	if name == "" {
		return nil
	}
	if old, ok := s.remembers(u); ok && old == name {
		return nil
	}
	if err := s.store.put(ctx, models.Profile{UserType: u.Type, UserID: u.ID, Name: name, Picture: picture, UpdatedAt: db.Now()}); err != nil {
		return fmt.Errorf("note the name of %s: %w", u, err)
	}
	s.remember(u, name)
	return nil
}

func (s *Service) remembers(u models.UserRef) (string, bool) {
	k, ok := s.known.Get(u)
	return k.name, ok && time.Now().Before(k.until)
}

func (s *Service) remember(u models.UserRef, name string) {
	s.known.Add(u, known{name, time.Now().Add(keep)})
}

// Name is what somebody is called; their id when nobody knows.
func (s *Service) Name(ctx context.Context, u models.UserRef) (string, error) {
	if name, ok := s.remembers(u); ok {
		return name, nil
	}
	p, err := s.store.find(ctx, u)
	if db.IsNotFound(err) {
		return u.ID, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the name of %s: %w", u, err)
	}
	s.remember(u, p.Name)
	return p.Name, nil
}

// Forget drops a name from memory, after it was changed elsewhere.
func (s *Service) Forget(u models.UserRef) { s.known.Remove(u) }
