package chat

import (
	"context"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

const (
	inboxPage    = 50 // chats on a page unless asked otherwise
	inboxPreview = 20 // messages of each
)

// InboxInput asks for a page of somebody's chats; Cursor "" starts with the newest.
type InboxInput struct {
	Cursor string
	Limit  int  // 1–MaxPage; 0 means 50
	Empty  bool // with chats in which nothing has been written yet
}

// InboxItem is one chat of a list, from one person's side.
type InboxItem struct {
	Chat     models.Chat
	Mine     models.Member
	Members  []models.Member
	Messages []models.Message // the newest, oldest first
	Blocked  bool             // by whose list it is
}

// Inbox is a page of somebody's chats, latest activity first.
type Inbox struct {
	Items      []InboxItem
	NextCursor string // "" on the last page
}

// Inbox lists the actor's chats by latest activity, newest first, each with its newest messages.
// Its cost is that of one page, however many chats there are. Errors: Invalid for a bad cursor or
// limit, Unavailable.
func (s *Service) Inbox(ctx context.Context, actor models.UserRef, in InboxInput) (Inbox, error) {
	limit, err := pageLimit(in.Limit, inboxPage)
	if err != nil {
		return Inbox{}, err
	}
	from, err := decodeCursor(in.Cursor)
	if err != nil {
		return Inbox{}, err
	}
	items, err := s.store.inbox(ctx, actor, from, limit+1, inboxPreview, in.Empty)
	if err != nil {
		return Inbox{}, err
	}
	for i := range items {
		items[i].Blocked = s.blocksAnyOf(items[i].Chat, actor, items[i].Members)
	}
	if len(items) <= limit {
		return Inbox{Items: items}, nil
	}
	items = items[:limit]
	return Inbox{Items: items, NextCursor: items[limit-1].cursor()}, nil
}

// UnreadTotal counts what the actor has not read in all chats.
func (s *Service) UnreadTotal(ctx context.Context, actor models.UserRef) (int64, error) {
	return s.store.unreadTotal(ctx, actor)
}

// cursor is the place of an item in the list.
func (i InboxItem) cursor() string {
	return wire.Cursor{At: i.Mine.LastMessageAt, ID: i.Chat.ID}.String()
}

// decodeCursor reads a cursor; "" is the beginning. A cursor says only where to go on: what is
// listed from there is always the caller's own.
func decodeCursor(cursor string) (wire.Cursor, error) {
	c, err := wire.ParseCursor(cursor)
	if err != nil {
		return wire.Cursor{}, invalid("cursor is not one of ours: pass the nextCursor of the page before, unchanged")
	}
	return c, nil
}
