package session

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/apperr"
	"chaffer/internal/audit"
	"chaffer/internal/auth"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// RevokedJSON says from when on somebody has to sign in again.
type RevokedJSON struct {
	UserID   wire.ID   `json:"userId"`
	UserType string    `json:"userType"`
	At       wire.Time `json:"revokedAt" format:"date-time" doc:"Tokens issued up to this moment are refused."`
}

type userPath struct {
	Type string `path:"type"`
	ID   string `path:"id"`
}

type reply struct{ Body wire.Envelope[RevokedJSON] }

// RegisterAdmin adds the route of admins. The router must let only admins through.
func RegisterAdmin(api *httpjson.API, s *Sessions) {
	httpjson.Handle(api, huma.Operation{
		Method: http.MethodPost, OperationID: "adminRevokeUser", Path: "/api/v1/admin/users/{type}/{id}/revoke", Tags: []string{"Admin"},
		Summary:  "End all sessions of a person; a token issued later works again",
		Security: []map[string][]string{{"user": {}}}, Errors: []int{400, 401, 403, 404, 429, 503},
	}, func(ctx context.Context, in *userPath) (*reply, error) {
		u := models.UserRef{Type: models.UserType(in.Type), ID: in.ID}
		known := []models.UserType{models.TypeCustomer, models.TypeVendor, models.TypeMember, models.TypeAdmin}
		if !wire.ValidID(u.ID) || !slices.Contains(known, u.Type) {
			return nil, apperr.New(apperr.NotFound, "User was not found")
		}
		admin, _ := auth.FromContext(ctx)
		if err := audit.Record(ctx, s.store.db.DB, admin.User, "user.revoke", u.String(), nil); err != nil {
			return nil, err
		}
		r, err := s.Revoke(ctx, u)
		if err != nil {
			return nil, err
		}
		return &reply{wire.OK("All sessions have been ended", RevokedJSON{UserID: wire.ID(u.ID), UserType: in.Type, At: wire.At(r.At)})}, nil
	})
}
