package product

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"chaffer/internal/db"
	"chaffer/internal/models"
)

// store is every query of the catalogue.
type store struct{ db *db.DB }

// put inserts p or replaces everything but the time of creation.
func (st *store) put(ctx context.Context, p models.Product) (models.Product, bool, error) {
	created := false
	now := db.Now()
	err := st.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		p.CreatedAt, p.UpdatedAt = now, now
		res := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&p)
		if created = res.RowsAffected == 1; res.Error != nil || created {
			return res.Error
		}
		err := tx.Model(&models.Product{}).Where("id = ?", p.ID).Select("*").Omit("id", "created_at").Updates(&p).Error
		if err != nil {
			return err
		}
		return tx.Where("id = ?", p.ID).Take(&p).Error
	})
	if err != nil {
		return models.Product{}, false, fmt.Errorf("put product: %w", db.Translate(err))
	}
	return p, created, nil
}

// find reads one product, or notFound.
func (st *store) find(ctx context.Context, id string) (models.Product, error) {
	var p models.Product
	err := st.db.WithContext(ctx).Where("id = ?", id).Take(&p).Error
	if db.IsNotFound(err) {
		return p, notFound()
	}
	if err != nil {
		return p, fmt.Errorf("find product: %w", db.Translate(err))
	}
	return p, nil
}

// delete removes one product, or answers notFound.
func (st *store) delete(ctx context.Context, id string) error {
	res := st.db.WithContext(ctx).Where("id = ?", id).Delete(&models.Product{})
	if res.Error != nil {
		return fmt.Errorf("delete product: %w", db.Translate(res.Error))
	}
	if res.RowsAffected == 0 {
		return notFound()
	}
	return nil
}
