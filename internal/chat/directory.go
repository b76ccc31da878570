package chat

import (
	"context"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/models"
)

const (
	// directorySize bounds how many chats a node remembers the people of (about 1 KB each).
	directorySize = 50_000
	// membersEvery is how late a node hears at most that somebody was put out of a chat on another
	// node, when nobody announced it there: news go only to nodes on which somebody concerned is.
	membersEvery = time.Second
)

// entry is what never changes of a chat, and who is in it. LastSeq and the times in Chat are
// those of the moment it was read and are not to be used.
type entry struct {
	chat    models.Chat
	members []models.UserRef
	until   time.Time // the people may be others afterwards; zero: they never change
}

func (e *entry) has(u models.UserRef) bool {
	for _, m := range e.members {
		if m == u {
			return true
		}
	}
	return false
}

// others are the members besides u.
func (e *entry) others(u models.UserRef) []models.UserRef {
	out := make([]models.UserRef, 0, len(e.members)-1)
	for _, m := range e.members {
		if m != u {
			out = append(out, m)
		}
	}
	return out
}

// triple is what makes a product chat the one chat of its three.
type triple struct{ product, vendor, customer string }

// directory remembers chats so that a send needs no query for authorisation.
type directory struct {
	byID     *lru.Cache[string, *entry]
	byTriple *lru.Cache[triple, string]
}

func newDirectory() *directory {
	byID, err := lru.New[string, *entry](directorySize)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	byTriple, err := lru.New[triple, string](directorySize)
	if err != nil {
		panic(err)
	}
	return &directory{byID: byID, byTriple: byTriple}
}

// remember keeps an entry that was read just now, or that came from here: that gets no younger.
func (d *directory) remember(e *entry) *entry {
	if e.until.IsZero() && (e.chat.Kind == models.KindGroup || e.chat.Kind == models.KindDirect) { // which may be taken away
		kept := *e
		kept.until = time.Now().Add(membersEvery)
		e = &kept
	}
	d.byID.Add(e.chat.ID, e)
	if e.chat.Kind == models.KindProduct {
		d.byTriple.Add(triple{e.chat.ProductID, e.chat.VendorID, e.chat.CustomerID}, e.chat.ID)
	}
	return e
}

func (d *directory) forget(chatID string) { d.byID.Remove(chatID) }

// entry returns a chat and its people, or apperr.NotFound.
func (s *Service) entry(ctx context.Context, chatID string) (*entry, error) {
	id, ok := parseID(chatID)
	if !ok {
		return nil, notFound()
	}
	if e, ok := s.known.byID.Get(id); ok && (e.until.IsZero() || time.Now().Before(e.until)) {
		return e, nil
	}
	e, err := s.store.entry(ctx, id)
	if err != nil {
		return nil, err
	}
	return s.known.remember(e), nil
}

// entryOf is entry for someone who must be in the chat: not there and not yours look the same.
func (s *Service) entryOf(ctx context.Context, actor models.UserRef, chatID string) (*entry, error) {
	e, err := s.entry(ctx, chatID)
	if err != nil {
		return nil, err
	}
	if !e.has(actor) {
		return nil, notFound()
	}
	return e, nil
}

// entryOfTriple returns the one chat of the three; apperr.NotFound when it has not been opened.
func (s *Service) entryOfTriple(ctx context.Context, t triple) (*entry, error) {
	if id, ok := s.known.byTriple.Get(t); ok {
		return s.entry(ctx, id)
	}
	id, err := s.store.idOfTriple(ctx, t)
	if err != nil {
		return nil, err
	}
	return s.entry(ctx, id)
}
