package chat

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// JobJSON is how far an erasure is.
type JobJSON struct {
	ID         string     `json:"id" format:"uuid"`
	UserID     wire.ID    `json:"userId"`
	UserType   string     `json:"userType"`
	State      string     `json:"state" enum:"running,done"`
	Done       int64      `json:"done" doc:"Messages of their chats looked at so far."`
	Total      int64      `json:"total" doc:"Messages of their chats when it began."`
	CreatedAt  wire.Time  `json:"createdAt" format:"date-time"`
	FinishedAt *wire.Time `json:"finishedAt,omitempty" format:"date-time"`
}

func toJob(j models.Job) JobJSON {
	return JobJSON{
		ID: j.ID, UserID: wire.ID(j.UserID), UserType: string(j.UserType), State: j.State, Done: min(j.Done, j.Total), Total: j.Total,
		CreatedAt: wire.At(j.CreatedAt), FinishedAt: wire.AtPtr(j.FinishedAt),
	}
}

// registerAdminData adds what people may ask of their data, through an admin.
func registerAdminData(api *httpjson.API, s *Service) {
	about := func(in *userPath) (string, map[string]any) { return in.user().String(), nil }
	export := adminOperation(http.MethodGet, "adminExportUser", "/users/{type}/{id}/export", "Everything a person wrote or received, a JSON object a line", 404)
	export.Responses = map[string]*huma.Response{"200": {
		Description: "One ExportLine a line; the last has the kind end. A file without it was cut: ask again with after, and put what comes behind the last line that has a place.",
		Content:     map[string]*huma.MediaType{"application/x-ndjson": {Schema: &huma.Schema{Type: huma.TypeString}}},
	}}
	httpjson.Handle(api, export, audited(s, "user.export", func(in *exportQuery) (string, map[string]any) {
		target, detail := about(in.person())
		if in.After != "" {
			detail = map[string]any{"after": storable(in.After)}
		}
		return target, detail
	}, s.export))

	erase := adminOperation(http.MethodPost, "adminEraseUser", "/users/{type}/{id}/erase", "Remove what a person wrote: text, pictures, names; ends their sessions", 404)
	erase.DefaultStatus = http.StatusAccepted
	httpjson.Handle(api, erase, audited(s, "user.erase", about,
		func(ctx context.Context, in *userPath) (*reply[wire.Envelope[JobJSON]], error) {
			j, err := s.Erase(ctx, caller(ctx), in.user())
			if err != nil {
				return nil, err
			}
			return &reply[wire.Envelope[JobJSON]]{wire.Envelope[JobJSON]{Message: "The erasure has begun", StatusCode: http.StatusAccepted, Data: toJob(j)}}, nil
		}))
	httpjson.Handle(api, adminOperation(http.MethodGet, "adminEraseProgress", "/users/{type}/{id}/erase", "How far the latest erasure of a person is", 404),
		audited(s, "user.erase.read", about, func(ctx context.Context, in *userPath) (*reply[wire.Envelope[JobJSON]], error) {
			j, err := s.EraseJob(ctx, in.user())
			if err != nil {
				return nil, err
			}
			return respond("The erasure has been loaded", toJob(j)), nil
		}))
}
