package chat

import (
	"context"
	"slices"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Block keeps somebody the actor shares a chat with from writing to the actor. What was written
// stays. Blocking twice is once. Errors: NotFound for somebody they share no chat with, Invalid for
// oneself, Unavailable.
func (s *Service) Block(ctx context.Context, actor, whom models.UserRef) error {
	if whom == actor {
		return invalid("you cannot block yourself")
	}
	if !wire.ValidID(whom.ID) || !slices.Contains([]models.UserType{models.TypeCustomer, models.TypeVendor, models.TypeMember}, whom.Type) {
		return userNotFound()
	}
	shares, err := s.store.shares(ctx, actor, whom)
	if err != nil {
		return err
	}
	if !shares { // who is not known and who does not exist look the same
		return userNotFound()
	}
	return s.changeBlock(ctx, actor, whom, true)
}

// Unblock lifts a block; one that is not there is no error.
func (s *Service) Unblock(ctx context.Context, actor, whom models.UserRef) error {
	if !wire.ValidID(whom.ID) {
		return userNotFound()
	}
	return s.changeBlock(ctx, actor, whom, false)
}

// Blocks are the people the actor has blocked, latest first.
func (s *Service) Blocks(ctx context.Context, actor models.UserRef) ([]models.Block, error) {
	return s.store.blocksBy(ctx, actor)
}

func (s *Service) changeBlock(ctx context.Context, actor, whom models.UserRef, on bool) error {
	changed, err := s.store.setBlock(ctx, actor, whom, on, s.now())
	if err != nil || !changed {
		return err
	}
	s.publish(BlockChanged{By: actor, Whom: whom, Blocked: on})
	return nil
}

// blocksAnyOf reports whether the viewer has blocked one of the others of a chat of two.
func (s *Service) blocksAnyOf(c models.Chat, viewer models.UserRef, members []models.Member) bool {
	if c.Kind == models.KindGroup {
		return false
	}
	return slices.ContainsFunc(members, func(m models.Member) bool { return m.User() != viewer && s.safety.blocked(viewer, m.User()) })
}

// Freeze stops everybody from writing in a chat, or lets them again. Errors: NotFound, Unavailable.
func (s *Service) Freeze(ctx context.Context, chatID string, on bool) (models.Chat, error) {
	e, err := s.entry(ctx, chatID)
	if err != nil {
		return models.Chat{}, err
	}
	changed, err := s.store.setFrozen(ctx, e.chat.ID, on, s.now())
	if err != nil {
		return models.Chat{}, err
	}
	if changed {
		s.publish(FrozenChanged{ChatID: e.chat.ID, Members: e.members, Frozen: on})
	}
	return s.store.chat(ctx, e.chat.ID)
}

// BlockChanged: somebody has blocked somebody else, or lifted it. The one who is blocked is not told.
type BlockChanged struct {
	By, Whom models.UserRef
	Blocked  bool
}

// Concerns includes who is blocked: the node they write on has to know.
func (e BlockChanged) Concerns() []models.UserRef { return []models.UserRef{e.By, e.Whom} }

// FrozenChanged: nobody may write in a chat any more, or everybody may again.
type FrozenChanged struct {
	ChatID  string
	Members []models.UserRef
	Frozen  bool
}

func (e FrozenChanged) Concerns() []models.UserRef { return e.Members }

var errReason = apperr.New(apperr.Invalid, "reason must be one of spam, abuse, fraud, illegal, other")
