// Package dialect is what the other contracts have in common: how they name people, how their REST
// callers are known, and the namespace "/" that several of them share. Each contract lives in a
// folder of its own below this one and knows nothing of the others; the native contract knows of none.
package dialect

import (
	"context"
	"log/slog"
	"net/http"
	"strings"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/models"
	"chaffer/internal/profile"
	"chaffer/internal/upload"
	"chaffer/internal/wire"
)

// House is what a contract stands on.
type House struct {
	Chats    *chat.Service
	Profiles *profile.Service
	Uploads  *upload.Service
	Verifier auth.Verifier // lets users without a type in, as members
	Log      *slog.Logger
}

// ID is a person's id on the wire of these contracts: a member's as it is, anybody else's with the
// type before it, so that customer 2 and vendor 2 stay two people.
func ID(u models.UserRef) string {
	if u.Type == models.TypeMember {
		return u.ID
	}
	return u.String()
}

// Ref reads what ID wrote.
func Ref(id string) models.UserRef {
	for _, t := range []models.UserType{models.TypeCustomer, models.TypeVendor, models.TypeAdmin} {
		if rest, ok := strings.CutPrefix(id, string(t)+":"); ok {
			return models.UserRef{Type: t, ID: rest}
		}
	}
	return models.UserRef{Type: models.TypeMember, ID: id}
}

// ParseRef is Ref for an id from a client, which may be no id at all.
func ParseRef(field, id string) (models.UserRef, error) {
	u := Ref(id)
	if !wire.ValidID(u.ID) {
		return u, apperr.New(apperr.Invalid, field+" must be the id of a user: 1–64 printable characters without spaces")
	}
	return u, nil
}

// Caller is the identity behind a REST request; apperr.Unauthorized without a valid token.
func (h House) Caller(r *http.Request) (auth.Identity, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return auth.Identity{}, apperr.New(apperr.Unauthorized, "Send a token: Authorization: Bearer …")
	}
	id, err := h.Verifier.Verify(r.Context(), token)
	if err != nil {
		return auth.Identity{}, err
	}
	return id, h.Profiles.Note(r.Context(), id.User, id.Name, id.Picture)
}

// Name is what somebody is called.
func (h House) Name(ctx context.Context, u models.UserRef) string {
	name, err := h.Profiles.Name(ctx, u)
	if err != nil {
		h.Log.Warn("a name could not be read", "user", u.String(), "err", err)
		return u.ID
	}
	return name
}
