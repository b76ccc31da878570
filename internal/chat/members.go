package chat

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Besides product chats there are direct chats (one for each pair of people), self chats (one for
// each person) and groups. They have the same messages, positions and promises.

const (
	// MaxMembers bounds a group.
	MaxMembers            = 256
	maxTitleRunes         = 120
	maxDescriptionRunes   = 1000
	roleAdmin, roleMember = "admin", "member"
)

// Opened is a chat that was found or opened.
type Opened struct {
	Chat    models.Chat
	Members []models.UserRef
	New     bool
}

// OpenDirect returns the one direct chat of the actor and somebody else, opened when there is none.
// Errors: Invalid when the two are one, Unavailable.
func (s *Service) OpenDirect(ctx context.Context, actor, other models.UserRef) (Opened, error) {
	if other == actor {
		return Opened{}, invalid("a direct chat has two people: name somebody else")
	}
	if !wire.ValidUserID(other.ID) {
		return Opened{}, invalid("the other person's id " + wire.NotAUserID)
	}
	return s.open(ctx, actor, models.Chat{Kind: models.KindDirect}, pairKey(actor, other), []models.UserRef{actor, other})
}

// OpenSelf returns the actor's chat with themselves, opened when there is none.
func (s *Service) OpenSelf(ctx context.Context, actor models.UserRef) (Opened, error) {
	return s.open(ctx, actor, models.Chat{Kind: models.KindSelf}, pairKey(actor), []models.UserRef{actor})
}

// GroupInput describes a new group; the actor is its admin and need not be named.
type GroupInput struct {
	Title       string
	Description string
	Members     []models.UserRef
}

// OpenGroup opens a group. Errors: Invalid for a title or a member that cannot be, Unavailable.
func (s *Service) OpenGroup(ctx context.Context, actor models.UserRef, in GroupInput) (Opened, error) {
	title := wire.CleanName(in.Title)
	if title == "" || utf8.RuneCountInString(title) > maxTitleRunes {
		return Opened{}, invalid("a group needs a name of 1–%d characters", maxTitleRunes)
	}
	description := strings.TrimSpace(wire.CleanText(in.Description))
	if utf8.RuneCountInString(description) > maxDescriptionRunes {
		return Opened{}, invalid("a group's description has at most %d characters", maxDescriptionRunes)
	}
	members := []models.UserRef{actor}
	for _, u := range in.Members {
		if !wire.ValidUserID(u.ID) {
			return Opened{}, invalid("every member's id " + wire.NotAUserID)
		}
		if !slices.Contains(members, u) {
			members = append(members, u)
		}
	}
	if len(members) > MaxMembers {
		return Opened{}, invalid("a group has at most %d members", MaxMembers)
	}
	return s.open(ctx, actor, models.Chat{Kind: models.KindGroup, Title: title, Description: description}, nil, members)
}

// open stores a chat and tells its people, or returns the one that is there under the key.
func (s *Service) open(ctx context.Context, actor models.UserRef, c models.Chat, key *string, members []models.UserRef) (Opened, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return Opened{}, fmt.Errorf("make a chat id: %w", err)
	}
	now := s.now()
	c.ID, c.PairKey, c.CreatedAt, c.UpdatedAt, c.LastMessageAt = id.String(), key, now, now, now
	e, created, err := s.store.openWith(ctx, c, members, actor)
	if err != nil {
		return Opened{}, err
	}
	s.known.remember(e)
	if created {
		s.publish(ChatOpened{Chat: e.chat, Members: e.members, By: actor})
	}
	return Opened{Chat: e.chat, Members: e.members, New: created}, nil
}

// pairKey names people in one canonical way, whoever asks first.
func pairKey(people ...models.UserRef) *string {
	names := make([]string, 0, len(people))
	for _, u := range people {
		names = append(names, url.QueryEscape(string(u.Type))+":"+url.QueryEscape(u.ID))
	}
	slices.Sort(names)
	key := strings.Join(names, "|")
	return &key
}

// AddMember lets an admin of a group bring somebody in, who sees what was written before and
// receives what is written from now on. Errors: NotFound, Forbidden for who is no admin, Conflict
// when they are in it, Invalid for a chat that is no group or is full, Unavailable.
func (s *Service) AddMember(ctx context.Context, actor models.UserRef, chatID string, who models.UserRef) error {
	if !wire.ValidUserID(who.ID) {
		return invalid("the member's id " + wire.NotAUserID)
	}
	return s.change(ctx, actor, chatID, MembersChanged{Change: MemberAdded, Who: who, By: actor})
}

// RemoveMember lets an admin of a group put somebody out. Errors as AddMember; NotFound also for
// somebody who is not in it.
func (s *Service) RemoveMember(ctx context.Context, actor models.UserRef, chatID string, who models.UserRef) error {
	if who == actor {
		return s.Leave(ctx, actor, chatID)
	}
	return s.change(ctx, actor, chatID, MembersChanged{Change: MemberRemoved, Who: who, By: actor})
}

// Leave takes the actor out of a group. When the last admin goes, the member who has been in it
// longest becomes one. Errors as AddMember.
func (s *Service) Leave(ctx context.Context, actor models.UserRef, chatID string) error {
	return s.change(ctx, actor, chatID, MembersChanged{Change: MemberLeft, Who: actor, By: actor})
}

// HandOver makes another member the admin in the actor's place. Errors as RemoveMember.
func (s *Service) HandOver(ctx context.Context, actor models.UserRef, chatID string, to models.UserRef) error {
	return s.change(ctx, actor, chatID, MembersChanged{Change: AdminChanged, Who: to, By: actor})
}

// Remove takes a whole chat away from everybody: an admin may for a group, either of the two for a
// direct chat. Nothing is erased. Errors: NotFound, Forbidden, Invalid for a product chat.
func (s *Service) Remove(ctx context.Context, actor models.UserRef, chatID string) error {
	return s.change(ctx, actor, chatID, MembersChanged{Change: ChatRemoved, By: actor})
}

func (s *Service) change(ctx context.Context, actor models.UserRef, chatID string, m MembersChanged) error {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return err
	}
	if e.chat.Kind != models.KindGroup && !(m.Change == ChatRemoved && e.chat.Kind == models.KindDirect) {
		return invalid("this is not a group: its people cannot be changed")
	}
	m.ChatID, m.Title = e.chat.ID, e.chat.Title
	if err := s.store.changeMembers(ctx, &m, s.now()); err != nil {
		return err
	}
	s.known.forget(m.ChatID)
	s.publish(m)
	return nil
}

// Invalidate forgets what this node knows of a chat's people: they changed on another node.
func (s *Service) Invalidate(chatID string) { s.known.forget(chatID) }

// Members lists the people of a chat the actor is in, admins first, then by how long they have been
// in it. NotFound when the chat is not the actor's.
func (s *Service) Members(ctx context.Context, actor models.UserRef, chatID string) ([]models.Member, error) {
	e, err := s.entryOf(ctx, actor, chatID)
	if err != nil {
		return nil, err
	}
	members, err := s.store.members(ctx, e.chat.ID)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(members, func(a, b models.Member) int {
		if a.Role != b.Role {
			return strings.Compare(a.Role, b.Role) // "admin" < "member"
		}
		return a.JoinedAt.Compare(b.JoinedAt)
	})
	return members, nil
}

func onlyAdmins() error {
	return apperr.New(apperr.Forbidden, "Only an admin of the group may do that")
}
