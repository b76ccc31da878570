package messaging

import (
	"net/http"
	"slices"

	"chaffer/internal/apperr"
	"chaffer/internal/dialect"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
)

// participants are the people named besides the caller, each once.
func participants(caller models.UserRef, named []dialect.Text) ([]models.UserRef, error) {
	if len(named) == 0 {
		return nil, apperr.New(apperr.Invalid, "participants must be an array of user ids")
	}
	var out []models.UserRef
	for _, id := range named {
		u, err := dialect.ParseRef("participants", string(id))
		if err != nil {
			return nil, err
		}
		if u != caller && !slices.Contains(out, u) {
			out = append(out, u)
		}
	}
	return out, nil
}

func (m *Messaging) participant(r *http.Request, w http.ResponseWriter) (ParticipantRequest, models.UserRef, error) {
	var in ParticipantRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return in, models.UserRef{}, err
	}
	u, err := dialect.ParseRef("userId", string(in.UserID))
	return in, u, err
}

func without(people []string, u models.UserRef) []string {
	return slices.DeleteFunc(people, func(id string) bool { return id == dialect.ID(u) })
}
