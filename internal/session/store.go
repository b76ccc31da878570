package session

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// store is every query of this feature.
type store struct{ db *db.DB }

func (st *store) revoke(ctx context.Context, r Revoked) error {
	row := models.Revocation{UserType: r.User.Type, UserID: r.User.ID, At: r.At}
	err := st.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "user_type"}, {Name: "user_id"}}, DoUpdates: clause.AssignmentColumns([]string{"at"}),
	}).Create(&row).Error
	return fail("revoke", err)
}

func (st *store) since(ctx context.Context, from time.Time) ([]models.Revocation, error) {
	var out []models.Revocation
	err := st.db.WithContext(ctx).Where("at >= ?", from).Find(&out).Error
	return out, fail("read revocations", err)
}

func fail(query string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", query, db.Translate(err))
}
