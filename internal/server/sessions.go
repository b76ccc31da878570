package server

import (
	"context"
	"encoding/json"

	"chaffer/internal/models"
	"chaffer/internal/session"
	"chaffer/internal/wire"
)

const kindRevoked = "session.revoked"

// followSessions cuts the sockets of people who have been signed out: at once here and, through the
// bus, on other nodes; without the bus they read it in the database. Call it before startLive.
func (s *Server) followSessions() {
	cut := func(r session.Revoked) {
		if n := s.realtime.Revoke(r.User, r.At, session.ErrOver); n > 0 {
			s.log.Info("Sessions have been ended", "user", r.User.String(), "sockets", n)
		}
	}
	if s.live.redis == nil {
		s.sessions.Start(cut, nil)
		return
	}
	s.live.bus.Handle(kindRevoked, func(body json.RawMessage) error {
		var r session.Revoked
		if err := wire.Strict(body, &r); err != nil {
			return err
		}
		s.sessions.Arrived(r)
		return nil
	})
	s.sessions.Start(cut, func(r session.Revoked) { s.live.bus.Publish(kindRevoked, []models.UserRef{r.User}, r) })
}

// signOut ends the sessions of somebody whose data is erased.
func (s *Server) signOut(ctx context.Context, u models.UserRef) error {
	_, err := s.sessions.Revoke(ctx, u)
	return err
}
