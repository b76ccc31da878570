package account

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

type store struct{ db *db.DB }

func unknown() error { return apperr.New(apperr.NotFound, "Account was not found") }

// create stores an account; false when the address has one.
func (st *store) create(ctx context.Context, a models.Account) (bool, error) {
	insert := st.db.WithContext(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&a)
	return insert.RowsAffected == 1, db.Translate(insert.Error)
}

func (st *store) byEmail(ctx context.Context, key string) (models.Account, error) {
	var a models.Account
	err := st.db.WithContext(ctx).Where("email_key = ?", key).Take(&a).Error
	if db.IsNotFound(err) {
		return a, unknown()
	}
	return a, db.Translate(err)
}

func (st *store) addLink(ctx context.Context, l models.AccountLink) error {
	return db.Translate(st.db.WithContext(ctx).Create(&l).Error)
}

// verify uses up a link and marks its account.
func (st *store) verify(ctx context.Context, hash string, now time.Time) error {
	return db.Translate(st.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		var l models.AccountLink
		err := tx.Where("token_hash = ? AND expires_at > ?", hash, now).Take(&l).Error
		if db.IsNotFound(err) {
			return apperr.New(apperr.Invalid, "This link is not valid any more: ask for a new one")
		}
		if err != nil {
			return fmt.Errorf("read link: %w", err)
		}
		if err := tx.Where("account_id = ?", l.AccountID).Delete(&models.AccountLink{}).Error; err != nil {
			return fmt.Errorf("use up link: %w", err)
		}
		return tx.Model(&models.Account{}).Where("id = ?", l.AccountID).Update("verified_at", now).Error
	}))
}

func (st *store) add(ctx context.Context, t models.AccountToken) error {
	return db.Translate(st.db.WithContext(ctx).Create(&t).Error)
}

// token reads a refresh token and its account; Unauthorized when there is none.
func (st *store) token(ctx context.Context, hash string) (models.AccountToken, models.Account, error) {
	return readToken(st.db.WithContext(ctx), hash)
}

func readToken(q *gorm.DB, hash string) (t models.AccountToken, a models.Account, err error) {
	err = q.Where("token_hash = ?", hash).Take(&t).Error
	if err == nil {
		err = q.Where("id = ?", t.AccountID).Take(&a).Error
	}
	if db.IsNotFound(err) {
		return t, a, errToken
	}
	return t, a, db.Translate(err)
}

// use marks a token as exchanged. One that was exchanged before ends its whole family, and is
// apperr.Conflict with the account it belongs to.
func (st *store) use(ctx context.Context, hash string, now time.Time) (t models.AccountToken, a models.Account, err error) {
	reused := false
	err = st.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if t, a, err = readToken(tx, hash); err != nil {
			return err
		}
		if t.RevokedAt != nil || !t.ExpiresAt.After(now) {
			return errToken
		}
		marked := tx.Model(&models.AccountToken{}).Where("token_hash = ? AND used_at IS NULL", hash).Update("used_at", now)
		if marked.Error != nil {
			return fmt.Errorf("use refresh token: %w", marked.Error)
		}
		if reused = marked.RowsAffected == 0; reused {
			return endFamily(tx, t.Family, now)
		}
		return nil
	})
	if err == nil && reused {
		err = apperr.New(apperr.Conflict, "This refresh token was used before")
	}
	return t, a, db.Translate(err)
}

// revoke ends the family of a token; NotFound when there is none.
func (st *store) revoke(ctx context.Context, hash string, now time.Time) (t models.AccountToken, a models.Account, err error) {
	err = st.db.WithContext(ctx).Transaction(func(tx *gorm.DB) error {
		if t, a, err = readToken(tx, hash); apperr.Is(err, apperr.Unauthorized) {
			return unknown()
		}
		if err != nil {
			return err
		}
		return endFamily(tx, t.Family, now)
	})
	return t, a, db.Translate(err)
}

func endFamily(tx *gorm.DB, family string, now time.Time) error {
	err := tx.Model(&models.AccountToken{}).Where("family = ? AND revoked_at IS NULL", family).Update("revoked_at", now).Error
	if err != nil {
		return fmt.Errorf("end a log-in: %w", err)
	}
	return nil
}
