// Package server puts the house together: it builds everything in order, mounts it, and closes it
// in reverse.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/db"
	"chaffer/internal/presence"
	"chaffer/internal/product"
	"chaffer/internal/realtime"
	"chaffer/internal/session"
	"chaffer/internal/upload"
)

const (
	drainTimeout = 10 * time.Second // what is in flight has this long to finish
	closeSpread  = 3 * time.Second  // sockets are closed over this time, so that their clients do not return all at once
)

// Server is one node.
type Server struct {
	cfg      config.Config
	log      *slog.Logger
	db       *db.DB
	verifier auth.Verifier
	products *product.Service
	tracker  presence.Tracker
	live     live
	uploads  *upload.Service
	sessions *session.Sessions
	chats    *chat.Service
	realtime *realtime.Server
	presence *presence.Namespace
	chatNsp  *chat.Namespace
	dialects dialects
	handler  http.Handler
	draining atomic.Bool
}

// New opens the database, brings its schema up to date and builds the node. The errors are
// sentences for an operator. A Server that was returned must be ended by Serve or Close.
func New(ctx context.Context, cfg config.Config, log *slog.Logger) (*Server, error) {
	s := &Server{cfg: cfg, log: log}
	if err := s.openDatabase(ctx); err != nil {
		return nil, err
	}
	verifier, err := auth.NewVerifier(ctx, s.verifierOptions())
	if err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	if s.sessions, err = session.New(ctx, s.db, log); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.verifier = s.sessions.Guard(verifier)
	if s.uploads, err = newUploads(ctx, cfg, s.db, log); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.products = product.NewService(s.db, !cfg.Production())
	if err := s.openLive(); err != nil {
		return nil, errors.Join(err, s.db.Close())
	}
	s.chats = chat.NewService(s.db, s.tracker, s.products, s.live.limiter, chat.Settings{
		Complete: s.live.complete(), Lanes: cfg.CommitLanes,
		VendorMayOpenChats: cfg.VendorMayOpenChats, AllowHTTP: !cfg.Production(), Pictures: s.uploads.Links(),
		SignOut: s.signOut, Retention: time.Duration(cfg.RetentionDays) * 24 * time.Hour,
	}, log)
	s.bindSockets()
	if err := s.bindDialects(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.followSessions()
	s.startLive()
	s.handler = s.routes()
	return s, nil
}

func (s *Server) verifierOptions() auth.VerifierOptions {
	cfg := s.cfg
	return auth.VerifierOptions{
		Secret: cfg.JWTSecret, Previous: cfg.JWTPreviousSecret, PublicKey: cfg.JWTPublicKey, JWKSURL: cfg.JWKSURL,
		Issuer: cfg.JWTIssuer, Audience: cfg.JWTAudience,
		ClaimID: cfg.JWTClaimID, ClaimType: cfg.JWTClaimType, TypeMap: cfg.UserTypeMap,
		AllowHTTPPictures: !cfg.Production(), Log: s.log,
	}
}

func (s *Server) openDatabase(ctx context.Context) error {
	d, err := db.Open(ctx, s.cfg.DatabaseURL)
	if err != nil {
		return err
	}
	s.db = d
	problems, err := d.Durable(ctx)
	if err == nil && len(problems) > 0 {
		for _, p := range problems {
			s.log.Warn(p)
		}
		if s.cfg.Production() {
			err = errors.New(strings.Join(problems, "; "))
		}
	}
	if err == nil {
		var applied []string
		if applied, err = d.Migrate(ctx); err == nil && len(applied) > 0 {
			s.log.Info("The database schema was brought up to date", "migrations", applied)
		}
	}
	if err != nil {
		return errors.Join(err, d.Close())
	}
	return nil
}

func (s *Server) bindSockets() {
	s.realtime = realtime.NewServer(realtime.Options{
		Verifier: s.verifier, AllowedOrigins: s.cfg.AllowedOrigins, AllowOrigin: s.cfg.OriginAllowed, Cookies: slices.Contains(s.cfg.Dialects, "expresschat"), ClientIP: s.clientIP, Log: s.log,
		Limits: realtime.Limits{
			PacketsPerSecond: s.cfg.LimitPacketsPerSecond, SocketsPerUser: s.cfg.LimitSocketsPerUser,
			ConnectsPerMinutePerIP: s.cfg.LimitConnectsPerMinutePerIP, ConnectionsPerIP: s.cfg.LimitConnectionsPerIP,
			FailuresPerMinutePerIP: s.cfg.LimitFailuresPerMinutePerIP,
		},
	})
	s.presence = presence.Bind(s.realtime, s.tracker, s.chats, s.log)
	s.chatNsp = chat.Bind(s.realtime, s.chats, s.tracker, chat.SocketOptions{PresenceWait: s.cfg.PresenceWait}, s.log)
	s.presence.AlsoTell(s.chatNsp.Realtime())
	s.tracker.Subscribe(func(change presence.Change) {
		if !change.Online && !s.tracker.Online(context.Background(), change.User) {
			s.chatNsp.Left(change.User)
		}
	})
}

// Handler is everything the node serves to the public.
func (s *Server) Handler() http.Handler { return s.handler }

// Serve answers on ln until ctx ends; then it drains: new work is refused, what is in flight is
// finished, sockets are closed spread out, and everything is closed.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	base, cancelRequests := context.WithCancel(context.Background())
	defer cancelRequests()
	web := &http.Server{
		Handler:           s.handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	stopMetrics, err := s.serveMetrics()
	if err != nil {
		return errors.Join(err, ln.Close(), s.Close())
	}
	defer stopMetrics()
	failed := make(chan error, 1)
	go func() { failed <- web.Serve(ln) }()
	select {
	case err := <-failed:
		return errors.Join(fmt.Errorf("serve: %w", err), s.Close())
	case <-ctx.Done():
	}
	s.draining.Store(true)
	s.pauseBeforeRefusing()
	drain, cancel := context.WithTimeout(context.Background(), drainTimeout+closeSpread)
	defer cancel()
	err = s.realtime.Shutdown(drain, closeSpread)
	cancelRequests() // polls that wait for the sockets just closed
	err = errors.Join(err, web.Shutdown(drain))
	<-failed // http.ErrServerClosed
	return errors.Join(err, s.closeRest())
}

// Close ends a node that Serve has not ended.
func (s *Server) Close() error {
	s.draining.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), drainTimeout)
	defer cancel()
	return errors.Join(s.realtime.Shutdown(ctx, 0), s.closeRest())
}

// closeRest closes what the sockets stood on, last built first.
func (s *Server) closeRest() error {
	s.dialects.close()
	s.chatNsp.Close()
	s.presence.Close()
	s.tracker.Close()
	s.chats.Close()
	s.uploads.Close()
	s.sessions.Close()
	return errors.Join(s.closeLive(), s.db.Close())
}

// pauseBeforeRefusing lets load balancers see that this node is not ready any more, while it still
// serves everybody.
func (s *Server) pauseBeforeRefusing() {
	if s.cfg.ShutdownDelay > 0 {
		s.log.Info("Shutting down: not ready from now on, refusing after the delay", "delay", s.cfg.ShutdownDelay)
		time.Sleep(s.cfg.ShutdownDelay)
	}
}
