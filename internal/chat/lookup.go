package chat

import (
	"context"

	"chaffer/internal/models"
)

// Find returns a message by its id, with its chat and its people as they are now; NotFound when it
// is in no chat of the actor's.
func (s *Service) Find(ctx context.Context, actor models.UserRef, messageID string) (Page, error) {
	id, ok := parseID(messageID)
	if !ok {
		return Page{}, messageNotFound()
	}
	m, err := s.store.messageByID(ctx, id)
	if err != nil {
		return Page{}, err
	}
	if _, err := s.entryOf(ctx, actor, m.ChatID); err != nil {
		return Page{}, messageNotFound()
	}
	after := m.Seq - 1
	return s.page(ctx, m.ChatID, PageInput{AfterSeq: &after}, 1)
}

// At returns the message at a place of a chat the actor is in, as Find does.
func (s *Service) At(ctx context.Context, actor models.UserRef, chatID string, seq int64) (Page, error) {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return Page{}, err
	}
	after := seq - 1
	p, err := s.page(ctx, e.chat.ID, PageInput{AfterSeq: &after}, 1)
	if err == nil && len(p.Messages) == 0 {
		return p, messageNotFound()
	}
	return p, err
}

// Number is the integer by which some contracts know a chat, given once and kept for ever. The
// caller has seen to it that whoever asks may know the chat.
func (s *Service) Number(ctx context.Context, chatID string) (int64, error) {
	return s.store.number(ctx, chatID)
}

// ByNumber is the chat of a number; NotFound when the actor is not in it or there is none.
func (s *Service) ByNumber(ctx context.Context, actor models.UserRef, number int64) (string, error) {
	id, err := s.store.chatOfNumber(ctx, number)
	if err != nil {
		return "", err
	}
	e, err := s.entryOf(ctx, actor, id)
	if err != nil {
		return "", err
	}
	return e.chat.ID, nil
}

// Card is what never changes of a chat and who is in it, from memory where possible. It asks for no
// one's right to know: it is for rendering what somebody is told anyway.
func (s *Service) Card(ctx context.Context, chatID string) (models.Chat, []models.UserRef, error) {
	e, err := s.entry(ctx, chatID)
	if err != nil {
		return models.Chat{}, nil, err
	}
	return e.chat, e.members, nil
}
