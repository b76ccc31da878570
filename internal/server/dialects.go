package server

import (
	"context"
	"slices"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/auth"
	"chaffer/internal/dialect"
	"chaffer/internal/dialect/messaging"
	"chaffer/internal/dialect/nestchat"
	"chaffer/internal/dialect/oneonone"
	"chaffer/internal/models"
	"chaffer/internal/profile"
	"chaffer/internal/realtime"
)

// dialects are the other contracts this node speaks (DIALECTS); it may be empty.
type dialects struct {
	routes []func(chi.Router)
	ends   []func()
}

func (d dialects) close() {
	for _, end := range slices.Backward(d.ends) {
		end()
	}
}

// bindDialects registers the contracts of DIALECTS. Their users are members unless a token says
// otherwise, so they have a verifier of their own.
func (s *Server) bindDialects(ctx context.Context) error {
	if len(s.cfg.Dialects) == 0 {
		return nil
	}
	options := s.verifierOptions()
	options.DefaultType = models.TypeMember
	verifier, err := auth.NewVerifier(ctx, options)
	if err != nil {
		return err
	}
	verifier = s.sessions.Guard(verifier)
	house := dialect.House{Chats: s.chats, Profiles: profile.NewService(s.db), Verifier: verifier, Log: s.log}
	speaks := func(name string) bool { return slices.Contains(s.cfg.Dialects, name) }
	if speaks("nestchat") {
		n := nestchat.Bind(house, s.realtime)
		s.dialects.routes = append(s.dialects.routes, n.Routes)
		s.dialects.ends = append(s.dialects.ends, n.Close)
	}
	if !speaks("oneonone") && !speaks("messaging") {
		return nil
	}
	root := dialect.NewRoot(house, s.openRoot, nil, dialect.Failure)
	s.dialects.ends = append(s.dialects.ends, root.Close)
	if speaks("oneonone") {
		s.dialects.routes = append(s.dialects.routes, oneonone.Bind(house, root).Routes)
	}
	if speaks("messaging") {
		m := messaging.Bind(house, root)
		s.dialects.routes = append(s.dialects.routes, m.Routes)
		s.dialects.ends = append(s.dialects.ends, m.Close)
	}
	return nil
}

// openRoot declares the namespace "/", where clients of several contracts connect.
func (s *Server) openRoot(h realtime.Hooks) *realtime.Namespace { return s.realtime.Namespace("/", h) }
