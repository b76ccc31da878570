package chat

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

// tombstone marks a message deleted, counts the change in the chat's rev, and takes it off the
// unread counters of those who had not read it. The text stays for the admin.
func (st *store) tombstone(ctx context.Context, chatID, messageID string, by models.UserRef, anyAuthor bool, at time.Time) (Deleted, error) {
	var d Deleted
	err := st.tx(ctx, func(tx *gorm.DB) error {
		var c models.Chat
		q := tx.Where("id = ?", chatID)
		if st.db.Dialect == db.Postgres {
			q = q.Clauses(clause.Locking{Strength: "UPDATE"})
		}
		if err := q.Take(&c).Error; err != nil {
			if db.IsNotFound(err) {
				return notFound()
			}
			return fmt.Errorf("lock chat: %w", err)
		}
		var m models.Message
		if err := tx.Where("id = ? AND chat_id = ?", messageID, chatID).Take(&m).Error; err != nil {
			if db.IsNotFound(err) {
				return messageNotFound()
			}
			return fmt.Errorf("read message: %w", err)
		}
		if !anyAuthor && m.Sender() != by {
			return apperr.New(apperr.Forbidden, "Only the author can delete a message")
		}
		d = Deleted{ChatID: chatID, MessageID: m.ID, Seq: m.Seq, Rev: m.Rev}
		if m.DeletedAt != nil {
			d.Again = true
			return nil
		}
		d.Rev = c.Rev + 1
		return writeTombstone(tx, m, d.Rev, by, at)
	})
	return d, err
}

func writeTombstone(tx *gorm.DB, m models.Message, rev int64, by models.UserRef, at time.Time) error {
	if err := tx.Model(&models.Chat{}).Where("id = ?", m.ChatID).Updates(map[string]any{"rev": rev, "updated_at": at}).Error; err != nil {
		return fmt.Errorf("count the change: %w", err)
	}
	if err := dropPictures(tx, m, at); err != nil {
		return err
	}
	err := tx.Model(&models.Message{}).Where("chat_id = ? AND seq = ?", m.ChatID, m.Seq).Updates(map[string]any{
		"images": "[]", "rev": rev, "deleted_at": at, "updated_at": at, "deleted_by_type": by.Type, "deleted_by_id": by.ID,
	}).Error
	if err != nil {
		return fmt.Errorf("delete message: %w", err)
	}
	err = tx.Model(&models.Member{}).
		Where("chat_id = ? AND read_seq < ? AND unread > 0 AND NOT (user_type = ? AND user_id = ?)", m.ChatID, m.Seq, m.SenderType, m.SenderID).
		Update("unread", gorm.Expr("unread - 1")).Error
	if err != nil {
		return fmt.Errorf("take the message off unread counters: %w", err)
	}
	return nil
}

// dropPictures takes the pictures of a message away: they are not served from the commit on, and
// their files are removed soon after.
func dropPictures(tx *gorm.DB, m models.Message, at time.Time) error {
	if len(m.Images) <= 2 {
		return nil
	}
	err := tx.Model(&models.Attachment{}).Where("message_id = ? AND deleted_at IS NULL", m.ID).Update("deleted_at", at).Error
	if err != nil {
		return fmt.Errorf("take pictures away: %w", err)
	}
	return nil
}
