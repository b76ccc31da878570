package chat

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/apperr"
	"chaffer/internal/audit"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// safety reads every block and every frozen chat.
func (st *store) safety(ctx context.Context) (map[pair]bool, map[string]bool, error) {
	q := st.db.WithContext(ctx)
	var rows []models.Block
	if err := q.Find(&rows).Error; err != nil {
		return nil, nil, fail("read blocks", err)
	}
	var ids []string
	if err := q.Model(&models.Chat{}).Where("frozen_at IS NOT NULL").Pluck("id", &ids).Error; err != nil {
		return nil, nil, fail("read frozen chats", err)
	}
	blocks, frozen := make(map[pair]bool, len(rows)), make(map[string]bool, len(ids))
	for _, b := range rows {
		blocks[pair{models.UserRef{Type: b.BlockerType, ID: b.BlockerID}, models.UserRef{Type: b.BlockedType, ID: b.BlockedID}}] = true
	}
	for _, id := range ids {
		frozen[id] = true
	}
	return blocks, frozen, nil
}

// setBlock makes or removes a block and its row in the audit log; false when nothing changed.
func (st *store) setBlock(ctx context.Context, by, whom models.UserRef, on bool, at time.Time) (changed bool, err error) {
	err = st.tx(ctx, func(tx *gorm.DB) error {
		row := models.Block{BlockerType: by.Type, BlockerID: by.ID, BlockedType: whom.Type, BlockedID: whom.ID, CreatedAt: at}
		action, did := "user.block", tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row)
		if !on {
			action, did = "user.unblock", tx.Where("blocker_type = ? AND blocker_id = ? AND blocked_type = ? AND blocked_id = ?", by.Type, by.ID, whom.Type, whom.ID).Delete(&models.Block{})
		}
		if changed = did.Error == nil && did.RowsAffected > 0; !changed {
			return did.Error
		}
		return audit.Record(ctx, tx, by, action, whom.String(), nil)
	})
	return changed, err
}

func (st *store) blocksBy(ctx context.Context, u models.UserRef) ([]models.Block, error) {
	var out []models.Block
	err := st.db.WithContext(ctx).Where("blocker_type = ? AND blocker_id = ?", u.Type, u.ID).Order("created_at DESC, blocked_type, blocked_id").Limit(1000).Find(&out).Error
	return out, fail("list blocks", err)
}

func (st *store) setFrozen(ctx context.Context, chatID string, on bool, at time.Time) (bool, error) {
	q := st.db.WithContext(ctx).Model(&models.Chat{}).Where("id = ? AND (frozen_at IS NOT NULL) <> ?", chatID, on)
	var value any
	if on {
		value = at
	}
	did := q.Update("frozen_at", value)
	return did.RowsAffected > 0, fail("freeze chat", did.Error)
}

func (st *store) messageIn(ctx context.Context, chatID, messageID string) (models.Message, error) {
	var m models.Message
	err := st.db.WithContext(ctx).Where("id = ? AND chat_id = ?", messageID, chatID).Take(&m).Error
	if db.IsNotFound(err) {
		return m, messageNotFound()
	}
	return m, fail("read message", err)
}

func (st *store) reportsSince(ctx context.Context, u models.UserRef, from time.Time) (n int64, err error) {
	err = st.db.WithContext(ctx).Model(&models.Report{}).Where("reporter_type = ? AND reporter_id = ? AND created_at > ?", u.Type, u.ID, from).Count(&n).Error
	return n, fail("count reports", err)
}

// openedWith counts the vendors with whom a customer has opened chats by a text since a time, and
// returns the earliest of those messages. It looks at the chats that were active since then.
func (st *store) openedWith(ctx context.Context, by models.UserRef, text string, from time.Time) (models.Message, int, error) {
	var rows []struct {
		models.Message
		VendorID string
	}
	err := st.db.WithContext(ctx).Table("members AS me").Select("m.id, m.chat_id, c.vendor_id").
		Joins("JOIN messages AS m ON m.chat_id = me.chat_id AND m.seq = 1").
		Joins("JOIN chats AS c ON c.id = me.chat_id AND c.kind = ?", models.KindProduct).
		Where("me.user_type = ? AND me.user_id = ? AND me.left_at IS NULL AND me.active_minute >= ? AND me.last_message_at > ?", by.Type, by.ID, models.Minute(from), from).
		Where("m.sender_type = ? AND m.sender_id = ? AND m.created_at > ? AND m.text = ?", by.Type, by.ID, from, text).
		Order("m.id").Limit(1000).Find(&rows).Error
	if err != nil || len(rows) == 0 {
		return models.Message{}, 0, fail("compare new chats", err)
	}
	vendors := map[string]bool{}
	for _, r := range rows {
		vendors[r.VendorID] = true
	}
	return rows[0].Message, len(vendors), nil
}

// addReport stores a report and its row in the audit log, or returns the one there is.
func (st *store) addReport(ctx context.Context, r models.Report) (models.Report, error) {
	err := st.tx(ctx, func(tx *gorm.DB) error {
		added := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&r)
		if added.Error != nil {
			return added.Error
		}
		if added.RowsAffected == 0 {
			reporter, message := models.UserRef{Type: r.ReporterType, ID: r.ReporterID}, r.MessageID
			r = models.Report{}
			return tx.Where("reporter_type = ? AND reporter_id = ? AND message_id = ?", reporter.Type, reporter.ID, message).Take(&r).Error
		}
		by := models.UserRef{Type: r.ReporterType, ID: r.ReporterID}
		return audit.Record(ctx, tx, by, "message.report", r.ChatID, map[string]any{"messageId": r.MessageID, "reason": r.Reason})
	})
	return r, err
}

func (st *store) resolveReport(ctx context.Context, id string, admin models.UserRef, note string, at time.Time) (models.Report, error) {
	q := st.db.WithContext(ctx)
	err := q.Model(&models.Report{}).Where("id = ? AND resolved_at IS NULL", id).Updates(map[string]any{
		"resolved_at": at, "resolved_by_type": admin.Type, "resolved_by_id": admin.ID, "resolution": note,
	}).Error
	if err != nil {
		return models.Report{}, fail("resolve report", err)
	}
	var r models.Report
	err = q.Where("id = ?", id).Take(&r).Error
	if db.IsNotFound(err) {
		return r, reportNotFound()
	}
	return r, fail("read report", err)
}

// reports lists reports, newest first; state is "open", "resolved" or "all".
func (st *store) reports(ctx context.Context, state string, from wire.Cursor, limit int) ([]reportedMessage, error) {
	q := st.db.WithContext(ctx)
	list := q.Order("created_at DESC, id DESC").Limit(limit)
	switch state {
	case "open":
		list = list.Where("resolved_at IS NULL")
	case "resolved":
		list = list.Where("resolved_at IS NOT NULL")
	case "all":
	default:
		return nil, apperr.New(apperr.Invalid, "status must be open, resolved or all")
	}
	if from.ID != "" {
		list = list.Where("(created_at, id) < (?, ?)", from.At, from.ID)
	}
	var rows []models.Report
	if err := list.Find(&rows).Error; err != nil || len(rows) == 0 {
		return nil, fail("list reports", err)
	}
	ids := make([]string, len(rows))
	for i, r := range rows {
		ids[i] = r.MessageID
	}
	var messages []models.Message
	if err := q.Where("id IN ?", ids).Find(&messages).Error; err != nil {
		return nil, fail("read reported messages", err)
	}
	byID := make(map[string]models.Message, len(messages))
	for _, m := range st.showAll(messages) {
		byID[m.ID] = m
	}
	out := make([]reportedMessage, len(rows))
	for i, r := range rows {
		out[i] = reportedMessage{r, byID[r.MessageID]}
	}
	return out, nil
}
