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

// wiped says which messages of a chat lose their content: from < seq ≤ to, of one sender or of
// everybody, of any age or older than a moment.
type wiped struct {
	from, to int64
	sender   *models.UserRef
	before   time.Time
}

func (w wiped) scope(q *gorm.DB, chatID string) *gorm.DB {
	q = q.Where("chat_id = ? AND seq > ? AND seq <= ?", chatID, w.from, w.to)
	if w.sender != nil {
		q = q.Where("sender_type = ? AND sender_id = ?", w.sender.Type, w.sender.ID)
	}
	if !w.before.IsZero() {
		q = q.Where("created_at < ?", w.before)
	}
	return q
}

// wipe empties messages for everybody, admins too: text and pictures go, the place stays. Those that
// were no tombstones become ones, by the service itself; they are returned with their new rev. done
// counts all of them. Unread counters are counted anew.
func (st *store) wipe(ctx context.Context, chatID string, w wiped, at time.Time) (done int64, fresh []models.Message, err error) {
	err = st.tx(ctx, func(tx *gorm.DB) error {
		var c models.Chat
		q := tx.Where("id = ?", chatID)
		if st.db.Dialect == db.Postgres {
			q = q.Clauses(clause.Locking{Strength: "UPDATE"})
		}
		if err := q.Take(&c).Error; err != nil {
			return fmt.Errorf("lock chat: %w", err)
		}
		var ids []string
		if err := w.scope(tx.Model(&models.Message{}), chatID).Where("images <> '[]'").Pluck("id", &ids).Error; err != nil {
			return fmt.Errorf("find pictures: %w", err)
		}
		if len(ids) > 0 {
			if err := tx.Model(&models.Attachment{}).Where("message_id IN ? AND deleted_at IS NULL", ids).Update("deleted_at", at).Error; err != nil {
				return fmt.Errorf("take pictures away: %w", err)
			}
		}
		if err := w.scope(tx.Model(&models.Message{}), chatID).Select("id, seq").Where("deleted_at IS NULL").Order("seq").Find(&fresh).Error; err != nil {
			return fmt.Errorf("read what is new: %w", err)
		}
		rev := c.Rev
		if len(fresh) > 0 {
			rev++
		}
		for i := range fresh {
			fresh[i].Rev = rev
		}
		did := w.scope(tx.Model(&models.Message{}), chatID).Updates(map[string]any{
			"text": "", "images": "[]", "content_hash": []byte{}, "updated_at": at,
			"rev":             gorm.Expr("CASE WHEN deleted_at IS NULL THEN ? ELSE rev END", rev),
			"deleted_by_type": gorm.Expr("CASE WHEN deleted_at IS NULL THEN ? ELSE deleted_by_type END", string(models.TypeSystem)),
			"deleted_at":      gorm.Expr("COALESCE(deleted_at, ?)", at),
		})
		if done = did.RowsAffected; did.Error != nil {
			return fmt.Errorf("empty messages: %w", did.Error)
		}
		if len(fresh) == 0 {
			return nil
		}
		if err := tx.Model(&models.Chat{}).Where("id = ?", chatID).Updates(map[string]any{"rev": rev, "updated_at": at}).Error; err != nil {
			return fmt.Errorf("count the change: %w", err)
		}
		return tx.Exec(`UPDATE members SET unread = (SELECT COUNT(*) FROM messages m WHERE m.chat_id = members.chat_id AND m.seq > members.read_seq
			AND m.deleted_at IS NULL AND NOT (m.sender_type = members.user_type AND m.sender_id = members.user_id)) WHERE chat_id = ? AND unread > 0`, chatID).Error
	})
	return done, fresh, err
}

// eraseCard takes a person's name and picture off a chat.
func (st *store) eraseCard(ctx context.Context, c models.Chat, u models.UserRef, at time.Time) error {
	change := map[string]any{"updated_at": at}
	customer, vendor := c.Parties()
	switch {
	case c.Kind != models.KindProduct:
		return nil
	case u == customer:
		change["customer_name"], change["customer_profile_pic"] = ErasedName, ""
	case u == vendor:
		change["store_name"], change["store_logo_url"] = ErasedName, ""
	}
	return fail("erase a name", st.db.WithContext(ctx).Model(&models.Chat{}).Where("id = ?", c.ID).Updates(change).Error)
}

// nextChatOf is the chat after another, in id order, in which u is or was; "" at the end.
func (st *store) nextChatOf(ctx context.Context, u models.UserRef, after string) (string, error) {
	q := st.db.WithContext(ctx).Model(&models.Member{}).Where("user_type = ? AND user_id = ?", u.Type, u.ID)
	if after != "" {
		q = q.Where("chat_id > ?", after)
	}
	var ids []string
	err := q.Order("chat_id").Limit(1).Pluck("chat_id", &ids).Error
	if err != nil || len(ids) == 0 {
		return "", fail("find the next chat", err)
	}
	return ids[0], nil
}

// everIn reports whether u is or was in a chat.
func (st *store) everIn(ctx context.Context, u models.UserRef, chatID string) (bool, error) {
	var n int64
	err := st.db.WithContext(ctx).Model(&models.Member{}).Where("chat_id = ? AND user_type = ? AND user_id = ?", chatID, u.Type, u.ID).Count(&n).Error
	return n > 0, fail("look for a member", err)
}

// account is the account of a member, who may have none: then nil.
func (st *store) account(ctx context.Context, u models.UserRef) (*models.Account, error) {
	id, ok := accountID(u)
	if !ok {
		return nil, nil
	}
	var found []models.Account
	err := st.db.WithContext(ctx).Where("id = ?", id).Limit(1).Find(&found).Error
	if err != nil || len(found) == 0 {
		return nil, fail("read account", err)
	}
	return &found[0], nil
}

// accountID is the id of the account a person may have: members' ids may also be the shop's own.
func accountID(u models.UserRef) (string, bool) {
	id, ok := parseID(u.ID)
	return id, ok && u.Type == models.TypeMember
}

// startJob stores a job with the number of messages it is about, or returns the one that runs. The
// account, if there is one, is gone with it.
func (st *store) startJob(ctx context.Context, j models.Job) (models.Job, error) {
	err := st.tx(ctx, func(tx *gorm.DB) error {
		var running []models.Job
		err := tx.Where("user_type = ? AND user_id = ? AND state = 'running'", j.UserType, j.UserID).Limit(1).Find(&running).Error
		if err != nil {
			return fmt.Errorf("find a running job: %w", err)
		}
		if len(running) > 0 {
			j = running[0]
			return nil
		}
		if id, ok := accountID(j.User()); ok { // nobody logs in again while their words go; links and refresh tokens go with it
			if err := tx.Where("id = ?", id).Delete(&models.Account{}).Error; err != nil {
				return fmt.Errorf("remove the account: %w", err)
			}
		}
		err = tx.Model(&models.Member{}).Select("COALESCE(SUM(last_seq), 0)").
			Where("user_type = ? AND user_id = ? AND left_at IS NULL", j.UserType, j.UserID).Scan(&j.Total).Error
		if err != nil {
			return fmt.Errorf("count messages: %w", err)
		}
		return tx.Create(&j).Error
	})
	return j, err
}

func (st *store) latestJob(ctx context.Context, u models.UserRef) (models.Job, error) {
	var j models.Job
	err := st.db.WithContext(ctx).Where("user_type = ? AND user_id = ?", u.Type, u.ID).Order("created_at DESC, id DESC").Take(&j).Error
	if db.IsNotFound(err) {
		return j, apperr.New(apperr.NotFound, "There is no erasure of this user")
	}
	return j, fail("read job", err)
}

// claimJob takes a running job that nobody has moved for the lease's time.
func (st *store) claimJob(ctx context.Context, now time.Time, lease time.Duration) (models.Job, bool, error) {
	q := st.db.WithContext(ctx)
	var free []models.Job
	if err := q.Where("state = 'running' AND updated_at < ?", now.Add(-lease)).Order("updated_at").Limit(1).Find(&free).Error; err != nil || len(free) == 0 {
		return models.Job{}, false, fail("find a job", err)
	}
	j := free[0]
	taken := q.Model(&models.Job{}).Where("id = ? AND state = 'running' AND updated_at = ?", j.ID, j.UpdatedAt).Update("updated_at", now)
	return j, taken.RowsAffected == 1, fail("take a job", taken.Error)
}

func (st *store) moveJob(ctx context.Context, j models.Job, at time.Time) error {
	err := st.db.WithContext(ctx).Model(&models.Job{}).Where("id = ?", j.ID).
		Updates(map[string]any{"position": j.Position, "done": j.Done, "updated_at": at}).Error
	return fail("move job", err)
}

// endErase removes what a person left outside of chats and closes the job.
func (st *store) endErase(ctx context.Context, j models.Job, at time.Time) error {
	return st.tx(ctx, func(tx *gorm.DB) error {
		u := j.User()
		for _, did := range []*gorm.DB{
			tx.Model(&models.Attachment{}).Where("owner_type = ? AND owner_id = ? AND deleted_at IS NULL", u.Type, u.ID).Update("deleted_at", at),
			tx.Model(&models.Profile{}).Where("user_type = ? AND user_id = ?", u.Type, u.ID).Updates(map[string]any{"name": ErasedName, "picture": "", "updated_at": at}),
			tx.Where("blocker_type = ? AND blocker_id = ?", u.Type, u.ID).Delete(&models.Block{}),
			tx.Model(&models.Report{}).Where("reporter_type = ? AND reporter_id = ?", u.Type, u.ID).Update("note", ""),
			tx.Model(&models.Job{}).Where("id = ?", j.ID).Updates(map[string]any{"state": "done", "updated_at": at, "finished_at": at}),
		} {
			if did.Error != nil {
				return fmt.Errorf("end an erasure: %w", did.Error)
			}
		}
		return nil
	})
}

// aged is a chat and whether it has places that are older than the retention.
type aged struct {
	ID      string
	AgedSeq int64
	Due     bool
}

// agedAfter looks at the chats behind one in id order.
func (st *store) agedAfter(ctx context.Context, after string, before time.Time, limit int) ([]aged, error) {
	var out []aged
	page := st.db.Model(&models.Chat{}).Select("id, aged_seq").Where("id > ?", after).Order("id").Limit(limit)
	err := st.db.WithContext(ctx).Table("(?) AS c", page).Select(`id, aged_seq, EXISTS (SELECT 1 FROM messages m
		WHERE m.chat_id = c.id AND m.seq = c.aged_seq + 1 AND m.created_at < ?) AS due`, before.UTC()).Order("id").Scan(&out).Error
	return out, fail("look for old messages", err)
}

// lastBefore is the last place of from < seq ≤ to that was written before a moment, 0 for none.
func (st *store) lastBefore(ctx context.Context, chatID string, from, to int64, before time.Time) (int64, error) {
	var seq int64
	err := st.db.WithContext(ctx).Model(&models.Message{}).Select("COALESCE(MAX(seq), 0)").
		Where("chat_id = ? AND seq > ? AND seq <= ? AND created_at < ?", chatID, from, to, before.UTC()).Scan(&seq).Error
	return seq, fail("read a place by time", err)
}

// moveAged notes that a chat's places up to seq have been erased by age.
func (st *store) moveAged(ctx context.Context, chatID string, seq int64) error {
	err := st.db.WithContext(ctx).Model(&models.Chat{}).Where("id = ? AND aged_seq < ?", chatID, seq).UpdateColumn("aged_seq", seq).Error
	return fail("note what was erased by age", err)
}
