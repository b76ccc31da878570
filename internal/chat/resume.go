package chat

import (
	"context"
	"slices"
	"strings"

	"chaffer/internal/models"
)

const (
	maxResumeChats    = 500 // chats one resume may ask about
	maxResumeMessages = 500 // messages one answer holds
)

// Place is what a client has of a chat: everything up to Seq, and every change up to Rev.
type Place struct {
	Seq int64
	Rev int64
}

// Resumed is what came after a Place.
type Resumed struct {
	Chat     models.Chat
	Messages []models.Message // after Seq, oldest first
	Deleted  []models.Message // up to Seq, deleted after Rev
	Members  []models.Member
	HasMore  bool // ask again from the last message's place
}

// Resume returns what the actor missed in each chat since a place, in chat id order: new messages,
// deletions of old ones, and how far everybody has come. There is no limit to how long ago. Chats
// that do not fit into one answer come with HasMore and no messages. NotFound when one of the
// chats is not the actor's, Invalid for places that cannot be, Unavailable.
func (s *Service) Resume(ctx context.Context, actor models.UserRef, places map[string]Place) ([]Resumed, error) {
	if len(places) > maxResumeChats {
		return nil, invalid("positions names %d chats: at most %d at once", len(places), maxResumeChats)
	}
	ids := make([]string, 0, len(places))
	for id, p := range places {
		if p.Seq < 0 || p.Rev < 0 {
			return nil, invalid("positions.seq and positions.rev must be whole numbers, 0 or more")
		}
		ids = append(ids, id)
	}
	slices.SortFunc(ids, strings.Compare)
	room := maxResumeMessages
	out := make([]Resumed, 0, len(ids))
	for _, id := range ids {
		r, err := s.resumeChat(ctx, actor, id, places[id], room)
		if err != nil {
			return nil, err
		}
		room -= len(r.Messages)
		out = append(out, r)
	}
	return out, s.freshen(ctx, actor, ids, places, out)
}

// freshen reads those chats again in which a message was deleted since they were read: many chats
// and a slow database take their time, and a text must not be handed out after it is gone. ids are the
// chats of read as they were asked for.
func (s *Service) freshen(ctx context.Context, actor models.UserRef, ids []string, places map[string]Place, read []Resumed) error {
	if len(read) == 0 {
		return nil
	}
	revs, err := s.store.revs(ctx, read)
	if err != nil {
		return err
	}
	for i, r := range read {
		if revs[r.Chat.ID] == r.Chat.Rev {
			continue
		}
		if read[i], err = s.resumeChat(ctx, actor, ids[i], places[ids[i]], len(r.Messages)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) resumeChat(ctx context.Context, actor models.UserRef, id string, at Place, room int) (Resumed, error) {
	e, err := s.entryOf(ctx, actor, id)
	if err != nil {
		return Resumed{}, err
	}
	var r Resumed
	if r.Chat, err = s.store.chat(ctx, e.chat.ID); err != nil {
		return Resumed{}, err
	}
	if r.Members, err = s.store.members(ctx, e.chat.ID); err != nil {
		return Resumed{}, err
	}
	if r.Chat.Rev > at.Rev {
		if r.Deleted, err = s.store.deletedSince(ctx, e.chat.ID, at.Rev, at.Seq); err != nil {
			return Resumed{}, err
		}
	}
	if r.Chat.LastSeq > at.Seq && room > 0 {
		if r.Messages, err = s.store.messagesAfter(ctx, e.chat.ID, at.Seq, room); err != nil {
			return Resumed{}, err
		}
	}
	last := at.Seq
	if n := len(r.Messages); n > 0 {
		last = r.Messages[n-1].Seq
	}
	r.HasMore = last < r.Chat.LastSeq
	return r, nil
}
