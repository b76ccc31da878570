package presence

import (
	"time"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// PersonJSON names a user.
type PersonJSON struct {
	UserID   wire.ID `json:"userId"`
	UserType string  `json:"userType" enum:"customer,vendor,member"`
}

// StateJSON is whether somebody is there.
type StateJSON struct {
	UserID   wire.ID    `json:"userId"`
	UserType string     `json:"userType" enum:"customer,vendor,member"`
	Online   bool       `json:"online"`
	LastSeen *wire.Time `json:"lastSeen" format:"date-time" doc:"Null when it is not known."`
}

// GoneJSON is the body of userIsOffline.
type GoneJSON struct {
	UserID   wire.ID   `json:"userId"`
	UserType string    `json:"userType" enum:"customer,vendor,member"`
	LastSeen wire.Time `json:"lastSeen" format:"date-time"`
}

// WhoRequest asks about people the caller shares a chat with.
type WhoRequest struct {
	Users []PersonJSON `json:"users" doc:"At most 100."`
}

func toPerson(u models.UserRef) PersonJSON {
	return PersonJSON{UserID: wire.ID(u.ID), UserType: string(u.Type)}
}

func toState(u models.UserRef, online bool, lastSeen time.Time) StateJSON {
	s := StateJSON{UserID: wire.ID(u.ID), UserType: string(u.Type), Online: online}
	if !lastSeen.IsZero() {
		s.LastSeen = &wire.Time{Time: lastSeen}
	}
	return s
}
