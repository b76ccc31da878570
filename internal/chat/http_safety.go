package chat

import (
	"context"
	"net/http"

	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

type reportInput struct{ Body ReportRequest }

type reportsQuery struct {
	Status string `query:"status" default:"open" enum:"open,resolved,all"`
	Cursor string `query:"cursor" doc:"The nextCursor of the page before."`
	Limit  int    `query:"limit" minimum:"1" default:"50" doc:"1–100; more is cut to 100."`
}

type resolveInput struct {
	ReportID string `path:"reportId"`
	Body     struct {
		Note string `json:"note,omitempty" doc:"What was done, at most 1,000 characters."`
	}
}

func (p *userPath) user() models.UserRef {
	return models.UserRef{Type: models.UserType(p.Type), ID: p.ID}
}

// registerSafety adds the routes with which people protect themselves.
func registerSafety(api *httpjson.API, s *Service) {
	httpjson.Handle(api, userOperation(http.MethodGet, "listBlocks", "/blocks", "Whom I have blocked, latest first"),
		func(ctx context.Context, _ *struct{}) (*reply[wire.Page[BlockedJSON]], error) {
			rows, err := s.Blocks(ctx, caller(ctx))
			if err != nil {
				return nil, err
			}
			out := make([]BlockedJSON, 0, len(rows))
			for _, b := range rows {
				out = append(out, BlockedJSON{UserID: wire.ID(b.BlockedID), UserType: string(b.BlockedType), BlockedAt: wire.At(b.CreatedAt)})
			}
			return respondList("Blocked users have been sent successfully", out, "", false), nil
		})
	for method, on := range map[string]bool{http.MethodPost: true, http.MethodDelete: false} {
		id, summary, do := "unblockUser", "Take messages from somebody again", s.Unblock
		if on {
			id, summary, do = "blockUser", "Take no more messages from somebody I share a chat with; they are not told", s.Block
		}
		httpjson.Handle(api, userOperation(method, id, "/blocks/{type}/{id}", summary, 404),
			func(ctx context.Context, in *userPath) (*reply[wire.Envelope[BlockJSON]], error) {
				if err := do(ctx, caller(ctx), in.user()); err != nil {
					return nil, err
				}
				return &reply[wire.Envelope[BlockJSON]]{blockBody(in.user(), on)}, nil
			})
	}
	report := userOperation(http.MethodPost, "reportMessage", "/reports", "Put a message of somebody else before the admins; its author is not told", 404, 413)
	report.DefaultStatus = http.StatusCreated
	httpjson.Handle(api, report, func(ctx context.Context, in *reportInput) (*reply[wire.Envelope[ReportJSON]], error) {
		r, err := s.Report(ctx, caller(ctx), ReportInput(in.Body))
		if err != nil {
			return nil, err
		}
		return &reply[wire.Envelope[ReportJSON]]{reportBody(r)}, nil
	})
}

// registerAdminSafety adds the admins' queue of reports, and freezing.
func registerAdminSafety(api *httpjson.API, s *Service) {
	httpjson.Handle(api, adminOperation(http.MethodGet, "adminListReports", "/reports", "Reported messages, newest first"),
		audited(s, "reports.list", func(in *reportsQuery) (string, map[string]any) { return "", map[string]any{"status": in.Status} },
			func(ctx context.Context, in *reportsQuery) (*reply[wire.Page[AdminReportJSON]], error) {
				limit, err := pageLimit(in.Limit, inboxPage)
				if err != nil {
					return nil, err
				}
				from, err := decodeCursor(in.Cursor)
				if err != nil {
					return nil, err
				}
				rows, err := s.store.reports(ctx, in.Status, from, limit+1)
				if err != nil {
					return nil, err
				}
				next := ""
				if len(rows) > limit {
					rows = rows[:limit]
					next = rows[limit-1].cursor().String()
				}
				out := make([]AdminReportJSON, 0, len(rows))
				for _, r := range rows {
					out = append(out, toAdminReport(r))
				}
				return respondList("Reports have been sent successfully", out, next, next != ""), nil
			}))
	httpjson.Handle(api, adminOperation(http.MethodPost, "adminResolveReport", "/reports/{reportId}/resolve", "Close a report with a note", 404, 413),
		audited(s, "report.resolve", func(in *resolveInput) (string, map[string]any) { return in.ReportID, nil },
			func(ctx context.Context, in *resolveInput) (*reply[wire.Envelope[AdminReportJSON]], error) {
				r, err := s.Resolve(ctx, caller(ctx), in.ReportID, in.Body.Note)
				if err != nil {
					return nil, err
				}
				return respond("Report has been resolved", toAdminReport(reportedMessage{Report: r})), nil
			}))
	for verb, on := range map[string]bool{"freeze": true, "unfreeze": false} {
		summary := "Let people write in a chat again"
		if on {
			summary = "Let nobody write in a chat; both sides are told"
		}
		httpjson.Handle(api, adminOperation(http.MethodPost, "admin"+map[bool]string{true: "Freeze", false: "Unfreeze"}[on]+"Chat", "/chats/{chatId}/"+verb, summary, 404),
			audited(s, "chat."+verb, func(in *chatPath) (string, map[string]any) { return in.ChatID, nil },
				func(ctx context.Context, in *chatPath) (*reply[wire.Envelope[FrozenJSON]], error) {
					c, err := s.Freeze(ctx, in.ChatID, on)
					if err != nil {
						return nil, err
					}
					_, body := frozenBody(c.ID, on)
					return &reply[wire.Envelope[FrozenJSON]]{body}, nil
				}))
	}
}
