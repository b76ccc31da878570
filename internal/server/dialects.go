package server

import (
	"context"
	"encoding/json"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/account"
	"chaffer/internal/auth"
	"chaffer/internal/dialect"
	"chaffer/internal/dialect/expresschat"
	"chaffer/internal/dialect/messaging"
	"chaffer/internal/dialect/nestchat"
	"chaffer/internal/dialect/oneonone"
	"chaffer/internal/models"
	"chaffer/internal/profile"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
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
	house := dialect.House{Chats: s.chats, Profiles: profile.NewService(s.db), Uploads: s.uploads, Verifier: verifier, Presence: s.tracker, Log: s.log}
	speaks := func(name string) bool { return slices.Contains(s.cfg.Dialects, name) }
	if speaks("nestchat") {
		n := nestchat.Bind(house, s.realtime)
		s.dialects.routes = append(s.dialects.routes, n.Routes)
		s.dialects.ends = append(s.dialects.ends, n.Close)
	}
	if !speaks("oneonone") && !speaks("messaging") && !speaks("expresschat") {
		return nil
	}
	authenticate, failure := dialect.ByToken(house), dialect.Failure
	var express *expresschat.ExpressChat
	if speaks("expresschat") {
		express = s.expressChat(house)
		authenticate, failure = express.Authenticate, express.Failure
	}
	root := dialect.NewRoot(house, s.openRoot, authenticate, failure)
	s.dialects.ends = append(s.dialects.ends, root.Close)
	if express != nil {
		express.Bind(root)
		s.dialects.routes = append(s.dialects.routes, express.Routes)
	}
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

// kindLoggedOut is the news of a log-in that is over.
const kindLoggedOut = "account.ended"

// expressChat is the contract with accounts of its own. A log-out cuts the sockets that stand on it, on
// every node.
func (s *Server) expressChat(house dialect.House) *expresschat.ExpressChat {
	var mailer account.Mailer = account.Printer{To: os.Stdout}
	if s.cfg.SMTPHost != "" {
		mailer = account.SMTP{Host: s.cfg.SMTPHost, Port: s.cfg.SMTPPort, User: s.cfg.SMTPUser, Password: s.cfg.SMTPPassword, From: s.cfg.SMTPFrom}
	}
	address := s.cfg.MediaURL
	if address == "" {
		address = "http://" + net.JoinHostPort(s.cfg.Host, strconv.Itoa(s.cfg.Port))
	}
	var express *expresschat.ExpressChat
	accounts := account.NewService(s.db, house.Verifier, mailer, account.Settings{
		Secret: s.cfg.JWTSecret, Issuer: s.cfg.JWTIssuer, Audience: s.cfg.JWTAudience, ClaimID: s.cfg.JWTClaimID, ClaimType: s.cfg.JWTClaimType,
		PublicURL: strings.TrimSuffix(address, "/"), Over: s.sessions.Over,
	}, func(over account.Ended) {
		express.Cut(over)
		s.live.bus.Publish(kindLoggedOut, []models.UserRef{over.User}, over)
	}, s.log)
	s.live.bus.Handle(kindLoggedOut, func(body json.RawMessage) error {
		var over account.Ended
		if err := wire.Strict(body, &over); err != nil {
			return err
		}
		express.Cut(over)
		return nil
	})
	s.dialects.ends = append(s.dialects.ends, accounts.Close)
	express = expresschat.New(house, accounts, s.cfg.Production())
	return express
}

// openRoot declares the namespace "/", where clients of several contracts connect.
func (s *Server) openRoot(h realtime.Hooks) *realtime.Namespace { return s.realtime.Namespace("/", h) }
