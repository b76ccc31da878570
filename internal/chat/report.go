package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Reasons are what a message can be reported for.
var Reasons = []string{"spam", "abuse", "fraud", "illegal", "other"}

const (
	maxNoteRunes   = 1000
	reportsPerHour = 20
)

// ReportInput is a complaint about a message of somebody else.
type ReportInput struct {
	ChatID    string
	MessageID string
	Reason    string // one of Reasons
	Note      string // at most 1,000 characters; may be empty
}

// Report puts a message into the admins' queue. Reporting it again returns the first report; the
// author is not told. Errors: NotFound for a chat that is not the actor's or a message that is not
// in it, Invalid, TooMany, Unavailable.
func (s *Service) Report(ctx context.Context, actor models.UserRef, in ReportInput) (models.Report, error) {
	e, err := s.entryOf(ctx, actor, in.ChatID)
	if err != nil {
		return models.Report{}, err
	}
	id, ok := parseID(in.MessageID)
	if !ok {
		return models.Report{}, messageNotFound()
	}
	if !slices.Contains(Reasons, in.Reason) {
		return models.Report{}, errReason
	}
	note, err := cleanNote(in.Note)
	if err != nil {
		return models.Report{}, err
	}
	m, err := s.store.messageIn(ctx, e.chat.ID, id)
	if err != nil {
		return models.Report{}, err
	}
	if m.Sender() == actor {
		return models.Report{}, invalid("this message is your own: delete it instead")
	}
	now := s.now()
	n, err := s.store.reportsSince(ctx, actor, now.Add(-time.Hour))
	if err != nil {
		return models.Report{}, err
	}
	if n >= reportsPerHour {
		return models.Report{}, apperr.Later("You have reported many messages in the last hour, please wait", time.Hour/reportsPerHour)
	}
	key, err := uuid.NewV7()
	if err != nil {
		return models.Report{}, fmt.Errorf("make a report id: %w", err)
	}
	return s.store.addReport(ctx, models.Report{
		ID: key.String(), CreatedAt: now, ReporterType: actor.Type, ReporterID: actor.ID,
		ChatID: e.chat.ID, MessageID: id, Reason: in.Reason, Note: note,
	})
}

// Resolve closes a report with an admin's note; resolving again keeps the first. NotFound.
func (s *Service) Resolve(ctx context.Context, admin models.UserRef, reportID, note string) (models.Report, error) {
	id, ok := parseID(reportID)
	if !ok {
		return models.Report{}, reportNotFound()
	}
	note, err := cleanNote(note)
	if err != nil {
		return models.Report{}, err
	}
	return s.store.resolveReport(ctx, id, admin, note, s.now())
}

func cleanNote(note string) (string, error) {
	note = strings.TrimSpace(wire.CleanText(note))
	if utf8.RuneCountInString(note) > maxNoteRunes {
		return "", invalid("note is too long: at most %d characters", maxNoteRunes)
	}
	return note, nil
}

func reportNotFound() error { return apperr.New(apperr.NotFound, "Report was not found") }

// reportedMessage is a report with the message it is about.
type reportedMessage struct {
	models.Report
	Message models.Message
}

func (r reportedMessage) cursor() wire.Cursor { return wire.Cursor{At: r.CreatedAt, ID: r.ID} }
