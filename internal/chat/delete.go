package chat

import (
	"context"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

// Deleted names a message that is now a tombstone.
type Deleted struct {
	ChatID    string
	MessageID string
	Seq       int64
	Rev       int64
	Again     bool // it was one already; nobody was told
}

// Delete turns a message into a tombstone: only its author may. Both sides' sockets hear of it.
// Errors: NotFound for a chat that is not the actor's or a message that is not in it, Forbidden for
// somebody else's message, Unavailable.
func (s *Service) Delete(ctx context.Context, actor models.UserRef, chatID, messageID string) (Deleted, error) {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return Deleted{}, err
	}
	return s.delete(ctx, e, actor, messageID, false)
}

// DeleteAsAdmin is Delete for an admin, who may delete any message of any chat.
func (s *Service) DeleteAsAdmin(ctx context.Context, admin models.UserRef, chatID, messageID string) (Deleted, error) {
	e, err := s.entry(ctx, chatID)
	if err != nil {
		return Deleted{}, err
	}
	return s.delete(ctx, e, admin, messageID, true)
}

func (s *Service) delete(ctx context.Context, e *entry, actor models.UserRef, messageID string, anyAuthor bool) (Deleted, error) {
	id, ok := parseID(messageID)
	if !ok {
		return Deleted{}, messageNotFound()
	}
	d, err := s.store.tombstone(ctx, e.chat.ID, id, actor, anyAuthor, s.now())
	if err != nil {
		return Deleted{}, err
	}
	if !d.Again {
		s.publish(MessageDeleted{ChatID: d.ChatID, Members: e.members, MessageID: d.MessageID, Seq: d.Seq, Rev: d.Rev})
	}
	return d, nil
}

func messageNotFound() error { return apperr.New(apperr.NotFound, "Message was not found") }
