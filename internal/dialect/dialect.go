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
	Presence Presence
	Log      *slog.Logger
}

// Presence is who is online. In these contracts connecting is being online; and news of other nodes
// come to a node for the people who are online there.
type Presence interface {
	// Add notes a socket; apperr.TooMany when its user has too many.
	Add(ctx context.Context, u models.UserRef, socketID string) error
	// Remove ends Add.
	Remove(ctx context.Context, u models.UserRef, socketID string) error
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
	if !wire.ValidUserID(u.ID) {
		return u, apperr.New(apperr.Invalid, field+" "+wire.NotAUserID)
	}
	if u.Type == models.TypeAdmin {
		return u, apperr.New(apperr.Invalid, field+" names an admin, who cannot be in a chat: name a customer, a vendor or a member")
	}
	return u, nil
}

// Verify says who presents a token. An admin reads chats through the admins' routes and is in none:
// apperr.Forbidden. apperr.Unauthorized without a valid token.
func (h House) Verify(ctx context.Context, token string) (auth.Identity, error) {
	id, err := h.Verifier.Verify(ctx, token)
	if err == nil && id.User.Type == models.TypeAdmin {
		return auth.Identity{}, apperr.New(apperr.Forbidden, "Admins are in no chat: use the token of a customer, a vendor or a member")
	}
	return id, err
}

// Caller is the identity behind a REST request; errors as Verify.
func (h House) Caller(r *http.Request) (auth.Identity, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return auth.Identity{}, apperr.New(apperr.Unauthorized, "Send a token: Authorization: Bearer …")
	}
	id, err := h.Verify(r.Context(), token)
	if err != nil {
		return auth.Identity{}, err
	}
	return id, h.Profiles.Note(r.Context(), id.User, id.Name, id.Picture)
}

// Shown notes that somebody was shown a run of a chat's messages over REST: see Root.Shown.
func (h House) Shown(ctx context.Context, u models.UserRef, p chat.Page) error {
	if !h.shown(u, p) {
		return nil
	}
	return h.Chats.Delivered(ctx, u, p.Chat.ID, p.Chat.LastSeq)
}

// shown reports whether a run begins where somebody's delivered position ends, and ends with the chat.
func (h House) shown(u models.UserRef, p chat.Page) bool {
	if n := len(p.Messages); n > 0 && p.Messages[n-1].Seq == p.Chat.LastSeq {
		for _, m := range p.Members {
			if m.User() == u {
				return p.Messages[0].Seq <= m.DeliveredSeq+1
			}
		}
	}
	return false
}

// Content is the text of a message as the people in its chat may read it: nothing once it is deleted,
// when the row still has it for admins.
func Content(m models.Message) string {
	if m.DeletedAt != nil {
		return ""
	}
	return m.Text
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
