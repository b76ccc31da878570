// Package upload keeps the pictures of messages: what comes in is looked at, decoded and written
// again, so that what goes out is a picture and nothing else; it goes out by addresses that are
// signed and expire.
package upload

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/upload/picture"
)

// Bounds of one picture.
const (
	MaxBytes = 5 << 20 // bytes as sent

	maxDecodes  = 2 // at once: decoded pictures are the largest thing a node holds in memory
	maxInFlight = 4 // uploads of one person at once

	orphanAge    = 24 * time.Hour // an upload that no message has used by then goes
	collectEvery = time.Minute
	collectBatch = 200
)

// Settings are the rules an operator may change.
type Settings struct {
	PerDay    int              // pictures a person may upload in 24 hours; 0: any number
	PublicURL string           // put in front of the addresses of pictures; "": they are relative to this host
	Secret    []byte           // signs the addresses; every node has the same
	Now       func() time.Time // nil: the clock of package db
}

// Service takes pictures in and hands them out. Its methods may be called from any goroutine.
type Service struct {
	store    *store
	files    Files
	links    Links
	settings Settings
	log      *slog.Logger
	now      func() time.Time
	decodes  chan struct{}

	mu       sync.Mutex
	inFlight map[models.UserRef]int

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

// NewService starts the collector. Close stops it.
func NewService(d *db.DB, files Files, s Settings, log *slog.Logger) *Service {
	svc := &Service{
		store: &store{db: d}, files: files, settings: s, log: log, now: db.Now,
		decodes: make(chan struct{}, maxDecodes), inFlight: map[models.UserRef]int{},
	}
	if s.Now != nil {
		svc.now = s.Now
	}
	svc.links = NewLinks(s.Secret, s.PublicURL, svc.now)
	ctx, cancel := context.WithCancel(context.Background())
	svc.cancel = cancel
	svc.wg.Go(func() { svc.collectUntil(ctx) })
	return svc
}

// Links makes the addresses of pictures.
func (s *Service) Links() Links { return s.links }

// Close stops the collector and waits for it.
func (s *Service) Close() {
	s.cancel()
	s.wg.Wait()
}

// Add takes a picture of owner, of at most MaxBytes bytes. Errors: Unsupported for what is not a
// JPEG, PNG, WebP or GIF picture, TooLarge for too many bytes, pixels or frames, TooMany over the
// day's quota, Full without room to keep it, Unavailable.
func (s *Service) Add(ctx context.Context, owner models.UserRef, body []byte) (models.Attachment, error) {
	if len(body) > MaxBytes {
		return models.Attachment{}, tooLarge()
	}
	info, err := picture.Inspect(body)
	if err != nil {
		return models.Attachment{}, err
	}
	if err := s.quota(ctx, owner); err != nil {
		return models.Attachment{}, err
	}
	if err := s.files.Room(ctx, 2*MaxBytes); err != nil {
		return models.Attachment{}, full(err)
	}
	clean, err := s.rewrite(ctx, body, info)
	if err != nil {
		return models.Attachment{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return models.Attachment{}, fmt.Errorf("make an attachment id: %w", err)
	}
	a := models.Attachment{
		ID: id.String(), OwnerType: owner.Type, OwnerID: owner.ID,
		MimeType: clean.Mime, Size: int64(len(clean.Body)), Width: clean.Width, Height: clean.Height, CreatedAt: s.now(),
	}
	if err := s.keep(ctx, a.ID, clean); err != nil {
		return models.Attachment{}, err
	}
	if err := s.store.add(ctx, a); err != nil {
		s.drop(context.WithoutCancel(ctx), a.ID)
		return models.Attachment{}, err
	}
	return a, nil
}

// enter takes one of the places a person has for uploads at once; leave gives it back.
func (s *Service) enter(u models.UserRef) (leave func(), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inFlight[u] >= maxInFlight {
		return nil, apperr.Later("You are uploading several pictures already: wait for one of them to finish", 2*time.Second)
	}
	s.inFlight[u]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.inFlight[u]--; s.inFlight[u] == 0 {
			delete(s.inFlight, u)
		}
	}, nil
}

func (s *Service) quota(ctx context.Context, owner models.UserRef) error {
	if s.settings.PerDay <= 0 {
		return nil
	}
	now := s.now()
	oldest, n, err := s.store.since(ctx, owner, now.Add(-24*time.Hour))
	if err != nil {
		return err
	}
	if n >= int64(s.settings.PerDay) {
		return apperr.Later(fmt.Sprintf("You have uploaded %d pictures in the last 24 hours, which is all that is allowed: come back later", n), oldest.Add(24*time.Hour).Sub(now))
	}
	return nil
}

// rewrite decodes and encodes, at most maxDecodes pictures at a time.
func (s *Service) rewrite(ctx context.Context, body []byte, info picture.Info) (picture.Clean, error) {
	select {
	case s.decodes <- struct{}{}:
		defer func() { <-s.decodes }()
	case <-ctx.Done():
		return picture.Clean{}, ctx.Err()
	}
	return picture.Rewrite(body, info)
}

func (s *Service) keep(ctx context.Context, id string, r picture.Clean) error {
	err := s.files.Put(ctx, id, r.Body, r.Mime)
	if err == nil {
		err = s.files.Put(ctx, id+thumbnailSuffix, r.Thumbnail, picture.ThumbnailMime)
	}
	if err != nil {
		s.drop(context.WithoutCancel(ctx), id)
		if errors.Is(err, ErrNoRoom) {
			return full(err)
		}
		return apperr.Wrap(apperr.Unavailable, "The picture could not be stored, please try again", err)
	}
	return nil
}

func (s *Service) drop(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, name := range []string{id, id + thumbnailSuffix} {
		if err := s.files.Delete(ctx, name); err != nil {
			s.log.Warn("a picture could not be removed and stays until somebody does", "picture", name, "err", err)
		}
	}
}

func full(cause error) error {
	if !errors.Is(cause, ErrNoRoom) {
		return apperr.Wrap(apperr.Unavailable, "The picture could not be stored, please try again", cause)
	}
	return apperr.Wrap(apperr.Full, "There is no room left for pictures: send the message without one, and tell the operator", cause)
}

func tooLarge() error {
	return apperr.New(apperr.TooLarge, fmt.Sprintf("The picture is larger than %d MB: make it smaller", MaxBytes>>20))
}
