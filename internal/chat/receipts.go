package chat

import (
	"context"

	"chaffer/internal/models"
)

// toEnd as upTo means "everything there is".
const toEnd = int64(-1)

// ReadResult is where a read position stands after MarkRead.
type ReadResult struct {
	ChatID  string
	ReadSeq int64
	Unread  int64
	Moved   bool // false: it stood there already, nobody was told
}

// MarkRead moves the actor's read position of a chat: never back, never past what exists; upTo nil
// means everything. Both sides' devices hear of it when it moved. Own messages do not count.
// Errors: NotFound for a chat that is not the actor's, Invalid for a negative place, Unavailable.
func (s *Service) MarkRead(ctx context.Context, actor models.UserRef, chatID string, upTo *int64, origin string) (ReadResult, error) {
	place := toEnd
	if upTo != nil {
		if *upTo < 0 {
			return ReadResult{}, invalid("upToSeq must be a whole number, 0 or more")
		}
		place = *upTo
	}
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return ReadResult{}, err
	}
	m, moved, err := s.store.moveRead(ctx, e.chat.ID, actor, place, s.now())
	if err != nil {
		return ReadResult{}, err
	}
	if moved {
		s.publish(ReadMoved{ChatID: e.chat.ID, Members: e.members, Reader: m, Origin: origin})
	}
	return ReadResult{ChatID: e.chat.ID, ReadSeq: m.ReadSeq, Unread: m.Unread, Moved: moved}, nil
}
