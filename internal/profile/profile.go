// Package profile remembers what people are called, for contracts that show names: as their token,
// or their account, said last.
package profile

import (
	"context"
	"fmt"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// remembered bounds the names a node keeps in memory.
const remembered = 50_000

// Service keeps names. Its methods may be called from any goroutine.
type Service struct {
	store *store
	known *lru.Cache[models.UserRef, string]
}

// NewService returns a service that remembers nobody yet.
func NewService(d *db.DB) *Service {
	known, err := lru.New[models.UserRef, string](remembered)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &Service{store: &store{db: d}, known: known}
}

// Note keeps what somebody is called; without a name it does nothing.
func (s *Service) Note(ctx context.Context, u models.UserRef, name, picture string) error {
	name = wire.CleanName(name)
	if name == "" {
		return nil
	}
	if old, ok := s.known.Get(u); ok && old == name {
		return nil
	}
	if err := s.store.put(ctx, models.Profile{UserType: u.Type, UserID: u.ID, Name: name, Picture: picture, UpdatedAt: db.Now()}); err != nil {
		return fmt.Errorf("note the name of %s: %w", u, err)
	}
	s.known.Add(u, name)
	return nil
}

// Name is what somebody is called; their id when nobody knows.
func (s *Service) Name(ctx context.Context, u models.UserRef) (string, error) {
	if name, ok := s.known.Get(u); ok {
		return name, nil
	}
	p, err := s.store.find(ctx, u)
	if db.IsNotFound(err) {
		return u.ID, nil
	}
	if err != nil {
		return "", fmt.Errorf("read the name of %s: %w", u, err)
	}
	s.known.Add(u, p.Name)
	return p.Name, nil
}

// Forget drops a name from memory, after it was changed elsewhere.
func (s *Service) Forget(u models.UserRef) { s.known.Remove(u) }
