package upload

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

// store is every query of this feature.
type store struct{ db *db.DB }

func (st *store) add(ctx context.Context, a models.Attachment) error {
	return fail("add attachment", st.db.WithContext(ctx).Create(&a).Error)
}

// since counts what owner has uploaded after a moment, and says when the first of it was.
func (st *store) since(ctx context.Context, owner models.UserRef, from time.Time) (oldest time.Time, n int64, err error) {
	mine := func() *gorm.DB {
		return st.db.WithContext(ctx).Model(&models.Attachment{}).Where("owner_type = ? AND owner_id = ? AND created_at > ?", owner.Type, owner.ID, from)
	}
	if err := mine().Count(&n).Error; err != nil || n == 0 {
		return from, n, fail("count attachments", err)
	}
	var first models.Attachment
	err = mine().Order("created_at").Take(&first).Error
	return first.CreatedAt, n, fail("read oldest attachment", err)
}

// visible reads a picture that may be shown; apperr.NotFound when there is none.
func (st *store) visible(ctx context.Context, id string) (models.Attachment, error) {
	var a models.Attachment
	err := st.db.WithContext(ctx).Where("id = ? AND deleted_at IS NULL AND NOT purged", id).Take(&a).Error
	if db.IsNotFound(err) {
		return a, apperr.New(apperr.NotFound, "Picture was not found")
	}
	return a, fail("read attachment", err)
}

// waste marks what no message has used since a moment, and lists pictures whose files have to go.
func (st *store) waste(ctx context.Context, unusedSince, now time.Time, limit int) ([]string, error) {
	q := st.db.WithContext(ctx)
	err := q.Model(&models.Attachment{}).Where("message_id IS NULL AND NOT purged AND deleted_at IS NULL AND created_at < ?", unusedSince).
		Update("deleted_at", now).Error
	if err != nil {
		return nil, fail("mark unused attachments", err)
	}
	var ids []string
	err = q.Model(&models.Attachment{}).Where("deleted_at IS NOT NULL AND NOT purged").Order("deleted_at").Limit(limit).Pluck("id", &ids).Error
	return ids, fail("list deleted attachments", err)
}

// purged notes that files are gone, and drops rows that no quota counts any more.
func (st *store) purged(ctx context.Context, ids []string, forget time.Time) error {
	q := st.db.WithContext(ctx)
	if len(ids) > 0 {
		if err := q.Model(&models.Attachment{}).Where("id IN ?", ids).Update("purged", true).Error; err != nil {
			return fail("note purged attachments", err)
		}
	}
	return fail("forget purged attachments", q.Where("deleted_at IS NOT NULL AND purged AND created_at < ?", forget).Delete(&models.Attachment{}).Error)
}

func fail(query string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", query, db.Translate(err))
}
