package chat

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/apperr"
	"chaffer/internal/audit"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// searchTimeout bounds a search for a text: one that hits everything must not hold the database.
const searchTimeout = time.Second

// RegisterAdmin adds the routes of admins. The router must let only admins through. An admin sees
// every chat; looking moves no receipt, shows nobody online, and leaves a row in the audit log
// before anything is shown.
func RegisterAdmin(api *httpjson.API, s *Service) {
	get := func(id, path, summary string, errs ...int) huma.Operation {
		return adminOperation(http.MethodGet, id, path, summary, errs...)
	}
	httpjson.Handle(api, get("adminListChats", "/chats", "All chats, latest activity first"),
		audited(s, "chats.list", func(in *adminListQuery) (string, map[string]any) { return "", in.detail() }, s.adminList))

	httpjson.Handle(api, get("adminGetChat", "/chats/{chatId}", "Any chat with its latest messages", 404),
		audited(s, "chat.read", func(in *chatPath) (string, map[string]any) { return in.ChatID, nil },
			func(ctx context.Context, in *chatPath) (*reply[wire.Envelope[AdminPageJSON]], error) {
				p, err := s.adminPage(ctx, in.ChatID, PageInput{})
				if err != nil {
					return nil, err
				}
				c := toAdminChat(p.Chat, p.Members, p.Messages)
				return respond("Chat has been loaded", AdminPageJSON{c, toAdminMessages(p.Messages, p.Members)}), nil
			}))

	httpjson.Handle(api, get("adminListMessages", "/chats/{chatId}/messages", "A page of any chat's history, deleted messages with their text", 404),
		audited(s, "chat.read", func(in *historyQuery) (string, map[string]any) { return in.ChatID, in.detail() },
			func(ctx context.Context, in *historyQuery) (*reply[wire.Page[AdminMessageJSON]], error) {
				p, err := s.adminPage(ctx, in.ChatID, in.page())
				if err != nil {
					return nil, err
				}
				return respondList("Messages have been loaded", toAdminMessages(p.Messages, p.Members), pageCursor(p, in.page()), p.HasMore), nil
			}))

	httpjson.Handle(api, transcriptOperation(), audited(s, "chat.transcript",
		func(in *transcriptQuery) (string, map[string]any) {
			return in.ChatID, map[string]any{"format": in.Format}
		}, s.transcript))

	httpjson.Handle(api, adminOperation(http.MethodDelete, "adminDeleteMessage", "/chats/{chatId}/messages/{messageId}", "Delete any message; admins still see its text", 404),
		audited(s, "message.delete", func(in *messagePath) (string, map[string]any) {
			return in.ChatID, map[string]any{"messageId": in.MessageID}
		}, func(ctx context.Context, in *messagePath) (*reply[wire.Envelope[DeletedJSON]], error) {
			d, err := s.DeleteAsAdmin(ctx, caller(ctx), in.ChatID, in.MessageID)
			if err != nil {
				return nil, err
			}
			return &reply[wire.Envelope[DeletedJSON]]{deletedBody(d.ChatID, d.MessageID, d.Seq)}, nil
		}))

	httpjson.Handle(api, get("adminGetUser", "/users/{type}/{id}", "What the service knows of a person", 404),
		audited(s, "user.read", func(in *userPath) (string, map[string]any) { return in.Type + ":" + in.ID, nil }, s.adminUser))

	httpjson.Handle(api, get("adminStats", "/stats", "The service in figures"),
		audited(s, "stats.read", func(*struct{}) (string, map[string]any) { return "", nil },
			func(ctx context.Context, _ *struct{}) (*reply[wire.Envelope[StatsJSON]], error) {
				stats, err := s.store.stats(ctx, s.now().Add(-24*time.Hour))
				if err != nil {
					return nil, err
				}
				return respond("Statistics have been sent successfully", stats), nil
			}))

	registerAdminSafety(api, s)
	registerAdminData(api, s)

	httpjson.Handle(api, get("adminListAudit", "/audit", "What admins have looked at and done, newest first"),
		audited(s, "audit.list", func(*listQuery) (string, map[string]any) { return "", nil }, s.adminAudit))
}

func (s *Service) adminList(ctx context.Context, in *adminListQuery) (*reply[wire.Page[AdminChatJSON]], error) {
	limit, err := pageLimit(in.Limit, inboxPage)
	if err != nil {
		return nil, err
	}
	from, err := decodeCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	if in.Q != "" {
		bounded, cancel := context.WithTimeoutCause(ctx, searchTimeout, errSearchTooLong)
		defer cancel()
		ctx = bounded
	}
	items, err := s.store.adminChats(ctx, in.filter(), from, limit+1)
	if err != nil {
		if errors.Is(context.Cause(ctx), errSearchTooLong) {
			return nil, apperr.Wrap(apperr.Unavailable, "The search took too long: narrow it by a vendor, a customer, a product or a time", err)
		}
		return nil, err
	}
	next := ""
	if len(items) > limit {
		items = items[:limit]
		next = items[limit-1].cursor()
	}
	chats := make([]AdminChatJSON, 0, len(items))
	for _, i := range items {
		chats = append(chats, toAdminChat(i.Chat, i.Members, i.Messages))
	}
	return respondList("Chats have been sent successfully", chats, next, next != ""), nil
}

var errSearchTooLong = errors.New("the search took too long")

// adminPage is Messages for somebody who is in no chat and may read all of them.
func (s *Service) adminPage(ctx context.Context, chatID string, in PageInput) (Page, error) {
	limit, err := pageLimit(in.Limit, inboxPage)
	if err != nil {
		return Page{}, err
	}
	if err := in.check(); err != nil {
		return Page{}, err
	}
	id, ok := parseID(chatID)
	if !ok {
		return Page{}, notFound()
	}
	return s.page(ctx, id, in, limit) // also of a chat that was taken away, which the list shows too
}

func (s *Service) adminUser(ctx context.Context, in *userPath) (*reply[wire.Envelope[UserJSON]], error) {
	u := models.UserRef{Type: models.UserType(in.Type), ID: in.ID}
	if !wire.ValidID(u.ID) || !slices.Contains([]models.UserType{models.TypeCustomer, models.TypeVendor, models.TypeMember}, u.Type) {
		return nil, userNotFound()
	}
	f, err := s.store.user(ctx, u)
	if apperr.Is(err, apperr.NotFound) {
		return nil, userNotFound()
	}
	if err != nil {
		return nil, err
	}
	return respond("User has been loaded", UserJSON{
		UserID: wire.ID(u.ID), UserType: string(u.Type), Name: f.Name, Suspicious: wire.LooksAlike(f.Name), Online: s.presence.Online(ctx, u),
		ChatCount: f.Chats, UnreadCount: f.Unread, Undelivered: f.Undelivered,
		FirstChatAt: wire.At(f.First), LastActivity: wire.At(f.Last),
	}), nil
}

func (s *Service) adminAudit(ctx context.Context, in *listQuery) (*reply[wire.Page[AuditJSON]], error) {
	limit, err := pageLimit(in.Limit, inboxPage)
	if err != nil {
		return nil, err
	}
	from, err := decodeCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	rows, next, err := audit.List(ctx, s.store.db.DB, from, limit)
	if err != nil {
		return nil, err
	}
	out := make([]AuditJSON, 0, len(rows))
	for _, r := range rows {
		out = append(out, toAudit(r))
	}
	return respondList("The audit log has been sent successfully", out, next.String(), next.ID != ""), nil
}

// audited writes the row before h runs: who cannot be recorded is not shown anything.
func audited[I, O any](s *Service, action string, about func(*I) (string, map[string]any), h func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, in *I) (*O, error) {
		target, detail := about(in)
		if err := audit.Record(ctx, s.store.db.DB, caller(ctx), action, storable(target), detail); err != nil {
			return nil, err
		}
		return h(ctx, in)
	}
}

// storable cuts what came in an address to what a log line should hold.
func storable(s string) string {
	s = wire.CleanName(s)
	if len(s) > 128 {
		s = wire.CleanName(s[:128])
	}
	return s
}

func userNotFound() error { return apperr.New(apperr.NotFound, "User was not found") }

func adminOperation(method, id, path, summary string, errs ...int) huma.Operation {
	op := userOperation(method, id, "/admin"+path, summary, errs...)
	op.Tags = []string{"Admin"}
	return op
}
