package chat

import (
	"context"

	"gorm.io/gorm/clause"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

func (st *store) number(ctx context.Context, chatID string) (int64, error) {
	q := st.db.WithContext(ctx)
	var n models.ChatNumber
	err := q.Where("chat_id = ?", chatID).Take(&n).Error
	if !db.IsNotFound(err) {
		return n.Number, fail("read a chat's number", err)
	}
	if err := q.Clauses(clause.OnConflict{DoNothing: true}).Omit("number").Create(&models.ChatNumber{ChatID: chatID}).Error; err != nil {
		return 0, fail("number a chat", err)
	}
	err = q.Where("chat_id = ?", chatID).Take(&n).Error
	return n.Number, fail("read a chat's number", err)
}

func (st *store) chatOfNumber(ctx context.Context, number int64) (string, error) {
	var n models.ChatNumber
	err := st.db.WithContext(ctx).Where("number = ?", number).Take(&n).Error
	if db.IsNotFound(err) {
		return "", notFound()
	}
	return n.ChatID, fail("find a chat by number", err)
}
