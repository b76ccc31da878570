// Package audit keeps who looked at, or did, what: one row for every admin request.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Record adds one row through q, a handle or the transaction of what is being done. detail is
// about the request (filters, formats, counts), never the text of a message; nil is none.
func Record(ctx context.Context, q *gorm.DB, actor models.UserRef, action, target string, detail map[string]any) error {
	if detail == nil {
		detail = map[string]any{}
	}
	b, err := json.Marshal(detail)
	if err != nil {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("audit %s: %w", action, err)
	}
	row := models.AuditEntry{
		ID: id.String(), At: db.Now(), ActorType: actor.Type, ActorID: actor.ID,
		Action: action, Target: target, Detail: string(b),
	}
	if err := q.WithContext(ctx).Create(&row).Error; err != nil {
		return fmt.Errorf("audit %s: %w", action, db.Translate(err))
	}
	return nil
}

// List returns up to limit rows after the cursor, newest first, and the cursor of the next
// page; its zero value says that there is none.
func List(ctx context.Context, q *gorm.DB, after wire.Cursor, limit int) ([]models.AuditEntry, wire.Cursor, error) {
	query := q.WithContext(ctx).Order("at DESC, id DESC").Limit(limit + 1)
	if after.ID != "" {
		query = query.Where("(at, id) < (?, ?)", after.At, after.ID)
	}
	var rows []models.AuditEntry
	if err := query.Find(&rows).Error; err != nil {
		return nil, wire.Cursor{}, fmt.Errorf("list the audit log: %w", db.Translate(err))
	}
	if len(rows) <= limit {
		return rows, wire.Cursor{}, nil
	}
	rows = rows[:limit]
	last := rows[limit-1]
	return rows, wire.Cursor{At: last.At, ID: last.ID}, nil
}
