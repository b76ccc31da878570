package profile

import (
	"context"

	"gorm.io/gorm/clause"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

type store struct{ db *db.DB }

func (st *store) put(ctx context.Context, p models.Profile) error {
	return db.Translate(st.db.WithContext(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "user_type"}, {Name: "user_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"name", "picture", "updated_at"}),
	}).Create(&p).Error)
}

func (st *store) find(ctx context.Context, u models.UserRef) (models.Profile, error) {
	var p models.Profile
	err := st.db.WithContext(ctx).Where("user_type = ? AND user_id = ?", u.Type, u.ID).Take(&p).Error
	return p, db.Translate(err)
}
