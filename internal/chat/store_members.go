package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

// openWith stores a chat with its people, or reads the one that has its pair key.
func (st *store) openWith(ctx context.Context, c models.Chat, people []models.UserRef, admin models.UserRef) (e *entry, created bool, err error) {
	err = st.tx(ctx, func(tx *gorm.DB) error {
		insert := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&c)
		if insert.Error != nil {
			return fmt.Errorf("open chat: %w", insert.Error)
		}
		if created = insert.RowsAffected == 1; !created {
			var there models.Chat
			if err := tx.Where("pair_key = ?", c.PairKey).Take(&there).Error; err != nil {
				return fmt.Errorf("read the chat of a pair: %w", err)
			}
			if there.DeletedAt != nil {
				if err := revive(tx, there, c.CreatedAt); err != nil {
					return err
				}
			}
			e, err = readEntry(tx, there.ID)
			return err
		}
		members := make([]models.Member, 0, len(people))
		for i, u := range people {
			m := newMember(c, u)
			m.JoinedAt = m.JoinedAt.Add(time.Duration(i) * time.Millisecond) // keeps the order in which they were named: who opened it first
			if c.Kind == models.KindGroup && u == admin {
				m.Role = roleAdmin
			}
			members = append(members, m)
		}
		slices.SortFunc(members, func(a, b models.Member) int { return strings.Compare(a.User().String(), b.User().String()) })
		if err := tx.Create(&members).Error; err != nil {
			return fmt.Errorf("open chat: %w", err)
		}
		e = &entry{chat: c, members: people}
		return nil
	})
	return e, created, err
}

// revive brings a direct chat back that was taken away: a pair has one, for ever.
func revive(tx *gorm.DB, c models.Chat, at time.Time) error {
	if err := tx.Model(&models.Chat{}).Where("id = ?", c.ID).Updates(map[string]any{"deleted_at": nil, "updated_at": at}).Error; err != nil {
		return fmt.Errorf("bring a chat back: %w", err)
	}
	if err := tx.Model(&models.Member{}).Where("chat_id = ?", c.ID).Update("left_at", nil).Error; err != nil {
		return fmt.Errorf("bring a chat back: %w", err)
	}
	return nil
}

// changeMembers makes one change under the lock of the chat, and fills in who is concerned.
func (st *store) changeMembers(ctx context.Context, m *MembersChanged, at time.Time) error {
	return st.tx(ctx, func(tx *gorm.DB) error {
		c, err := st.lockChat(tx, m.ChatID)
		if err != nil {
			return err
		}
		members, err := readMembers(tx, m.ChatID)
		if err != nil {
			return err
		}
		byUser := map[models.UserRef]models.Member{}
		for _, member := range members {
			byUser[member.User()] = member
			m.Members = append(m.Members, member.User())
		}
		if _, inside := byUser[m.By]; !inside {
			return notFound()
		}
		if c.Kind == models.KindGroup && m.Change != MemberLeft && byUser[m.By].Role != roleAdmin {
			return onlyAdmins()
		}
		_, there := byUser[m.Who]
		switch m.Change {
		case MemberAdded:
			return addMember(tx, c, m, there, at)
		case MemberRemoved, MemberLeft:
			if !there {
				return apperr.New(apperr.NotFound, "Nobody of that id is in this group")
			}
			return takeOut(tx, m, members, at)
		case AdminChanged:
			if !there {
				return apperr.New(apperr.NotFound, "Nobody of that id is in this group")
			}
			if err := setRole(tx, m.ChatID, m.By, roleMember); err != nil {
				return err
			}
			return setRole(tx, m.ChatID, m.Who, roleAdmin)
		}
		return removeChat(tx, m.ChatID, at)
	})
}

// lockChat takes a chat's row until the commit.
func (st *store) lockChat(tx *gorm.DB, id string) (models.Chat, error) {
	var c models.Chat
	q := tx.Where("id = ? AND deleted_at IS NULL", id)
	if st.db.Dialect == db.Postgres {
		q = q.Clauses(clause.Locking{Strength: "UPDATE"})
	}
	err := q.Take(&c).Error
	if db.IsNotFound(err) {
		return c, notFound()
	}
	return c, fail("lock chat", err)
}

func addMember(tx *gorm.DB, c models.Chat, m *MembersChanged, there bool, at time.Time) error {
	if there {
		return apperr.New(apperr.Conflict, "They are in this group already")
	}
	if len(m.Members) >= MaxMembers {
		return invalid("this group is full: it has %d members", MaxMembers)
	}
	row := newMember(c, m.Who)
	row.JoinedAt, row.LastMessageAt = at, c.LastMessageAt
	row.LastSeq, row.DeliveredSeq, row.ReadSeq = c.LastSeq, c.LastSeq, c.LastSeq
	err := tx.Clauses(clause.OnConflict{ // somebody who comes back
		Columns:   []clause.Column{{Name: "chat_id"}, {Name: "user_type"}, {Name: "user_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"role", "last_seq", "delivered_seq", "read_seq", "unread", "last_message_at", "joined_at", "left_at"}),
	}).Create(&row).Error
	m.Members = append(m.Members, m.Who)
	return fail("add member", err)
}

// takeOut ends a membership and sees to it that a group with people has an admin.
func takeOut(tx *gorm.DB, m *MembersChanged, members []models.Member, at time.Time) error {
	err := tx.Model(&models.Member{}).Where("chat_id = ? AND user_type = ? AND user_id = ?", m.ChatID, m.Who.Type, m.Who.ID).
		Updates(map[string]any{"left_at": at, "role": roleMember}).Error
	if err != nil {
		return fmt.Errorf("take a member out: %w", err)
	}
	m.Members = slices.DeleteFunc(m.Members, func(u models.UserRef) bool { return u == m.Who })
	var oldest *models.Member
	for i, member := range members {
		if member.User() == m.Who {
			continue
		}
		if member.Role == roleAdmin {
			return nil
		}
		if oldest == nil || member.JoinedAt.Before(oldest.JoinedAt) {
			oldest = &members[i]
		}
	}
	if oldest == nil {
		return removeChat(tx, m.ChatID, at)
	}
	successor := oldest.User()
	m.Successor = &successor
	return setRole(tx, m.ChatID, successor, roleAdmin)
}

func setRole(tx *gorm.DB, chatID string, u models.UserRef, role string) error {
	err := tx.Model(&models.Member{}).Where("chat_id = ? AND user_type = ? AND user_id = ?", chatID, u.Type, u.ID).Update("role", role).Error
	return fail("set role", err)
}

func removeChat(tx *gorm.DB, chatID string, at time.Time) error {
	if err := tx.Model(&models.Chat{}).Where("id = ?", chatID).Updates(map[string]any{"deleted_at": at, "updated_at": at}).Error; err != nil {
		return fmt.Errorf("take a chat away: %w", err)
	}
	err := tx.Model(&models.Member{}).Where("chat_id = ? AND left_at IS NULL", chatID).Update("left_at", at).Error
	return fail("take a chat away", err)
}

// refreshGroups reads, under the lock, who is in the groups of a batch: unlike in other chats they
// change, perhaps on another node a moment ago. Messages of people who have left are refused.
func refreshGroups(tx *gorm.DB, batch []*appendOp) ([]*appendOp, error) {
	fresh := map[string]*entry{}
	kept := make([]*appendOp, 0, len(batch))
	for _, op := range batch {
		if op.entry.chat.Kind != models.KindGroup {
			kept = append(kept, op)
			continue
		}
		id := op.entry.chat.ID
		if fresh[id] == nil {
			e, err := readEntry(tx, id)
			if err != nil && !apperr.Is(err, apperr.NotFound) {
				return nil, err
			}
			if e == nil {
				e = &entry{chat: op.entry.chat} // taken away: nobody is in it
			}
			fresh[id] = e
		}
		op.entry = fresh[id]
		if !op.entry.has(op.message.Sender()) {
			op.err = notFound()
			continue
		}
		kept = append(kept, op)
	}
	return kept, nil
}
