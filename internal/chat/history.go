package chat

import (
	"context"
	"strconv"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// MaxPage is the largest page of any list.
const MaxPage = 100

// PageInput asks for a run of messages: the newest before BeforeSeq, or the oldest after
// AfterSeq, or with neither the newest. Limit 0 means 50.
type PageInput struct {
	BeforeSeq *int64
	AfterSeq  *int64
	Limit     int // 1–MaxPage
}

// Page is a run of messages, oldest first, with everybody's positions.
type Page struct {
	Chat     models.Chat
	Messages []models.Message
	Members  []models.Member
	Blocked  bool // the other side, by whoever asked
	HasMore  bool // further messages lie in the direction that was asked for
}

// Messages reads a page of a chat's history. Errors: NotFound for a chat that is not the actor's,
// Invalid for a page that cannot be, Unavailable.
func (s *Service) Messages(ctx context.Context, actor models.UserRef, chatID string, in PageInput) (Page, error) {
	limit, err := pageLimit(in.Limit, 50)
	if err != nil {
		return Page{}, err
	}
	if err := in.check(); err != nil {
		return Page{}, err
	}
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return Page{}, err
	}
	return s.page(ctx, e.chat.ID, in, limit)
}

// Open reads a chat with its newest messages, as many as limit. NotFound when it is not the actor's.
func (s *Service) Open(ctx context.Context, actor models.UserRef, chatID string, limit int) (Page, error) {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return Page{}, err
	}
	p, err := s.page(ctx, e.chat.ID, PageInput{}, limit)
	p.Blocked = s.blocksAnyOf(p.Chat, actor, p.Members)
	return p, err
}

func (s *Service) page(ctx context.Context, chatID string, in PageInput, limit int) (Page, error) {
	c, err := s.store.chat(ctx, chatID)
	if err != nil {
		return Page{}, err
	}
	members, err := s.store.members(ctx, chatID)
	if err != nil {
		return Page{}, err
	}
	p := Page{Chat: c, Members: members}
	if in.AfterSeq != nil {
		p.Messages, err = s.store.messagesAfter(ctx, chatID, *in.AfterSeq, limit)
		p.HasMore = len(p.Messages) > 0 && p.Messages[len(p.Messages)-1].Seq < c.LastSeq
		return p, err
	}
	before := c.LastSeq + 1
	if in.BeforeSeq != nil {
		before = *in.BeforeSeq
	}
	p.Messages, err = s.store.messagesBefore(ctx, chatID, before, limit)
	p.HasMore = len(p.Messages) > 0 && p.Messages[0].Seq > 1
	return p, err
}

// ByProduct returns the chat of the three, for one of its two people.
func (s *Service) ByProduct(ctx context.Context, actor models.UserRef, productID, vendorID, customerID string) (string, error) {
	if !wire.ValidID(productID) || !wire.ValidID(vendorID) || !wire.ValidID(customerID) {
		return "", notFound()
	}
	e, err := s.entryOfTriple(ctx, triple{productID, vendorID, customerID})
	if err != nil {
		return "", err
	}
	if !e.has(actor) {
		return "", notFound()
	}
	return e.chat.ID, nil
}

// check refuses a run that cannot be.
func (in PageInput) check() error {
	if in.BeforeSeq != nil && in.AfterSeq != nil {
		return invalid("ask for beforeSeq or afterSeq, not both")
	}
	for name, seq := range map[string]*int64{"beforeSeq": in.BeforeSeq, "afterSeq": in.AfterSeq} {
		if seq != nil && *seq < 0 {
			return invalid("%s must be a whole number, 0 or more", name)
		}
	}
	return nil
}

// pageLimit applies the default and the bound: too much is cut, nonsense is refused.
func pageLimit(limit, standard int) (int, error) {
	switch {
	case limit == 0:
		return standard, nil
	case limit < 0:
		return 0, invalid("limit must be a whole number from 1 to %d", MaxPage)
	}
	return min(limit, MaxPage), nil
}

func formatSeq(seq int64) string { return strconv.FormatInt(seq, 10) }
