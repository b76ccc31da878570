package server

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/go-chi/cors"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/buildinfo"
	"chaffer/internal/httpjson"
	"chaffer/internal/upload"
)

// maxRESTBody bounds a request body; events have the same bound in realtime.
const maxRESTBody = 64 << 10

// routes is the mount table: everything the node answers, and who may ask.
func (s *Server) routes() http.Handler {
	r := chi.NewRouter()
	r.Use(s.findClientIP(), securityHeaders, middleware.Recoverer)
	r.NotFound(httpjson.NotFound)
	r.MethodNotAllowed(httpjson.MethodNotAllowed)

	r.Mount("/socket.io/", newRoom().guard(s.realtime.Handler()))
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) { httpjson.Write(w, http.StatusOK, health{"ok"}) })
	r.Get("/readyz", s.readyz)
	r.Get("/version", func(w http.ResponseWriter, _ *http.Request) { httpjson.Write(w, http.StatusOK, buildinfo.Read()) })

	guard := auth.NewGuard(s.verifier, s.cfg.ServiceTokens, auth.NewFailures(s.cfg.LimitFailuresPerMinutePerIP), s.log)
	r.Group(func(r chi.Router) {
		r.Use(s.refuseForeignPages, s.cors(), middleware.RequestSize(maxRESTBody))
		// A browser asks before it sends a token from another origin; cors answers in front of this.
		r.Options("/api/v1/*", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		mountREST(r, newSpec(), guard, s.products, s.chats, s.sessions, s.log)
	})
	r.Group(func(r chi.Router) {
		r.Use(s.refuseForeignPages, s.cors())
		mountUploads(r, newSpec(), guard, s.uploads)
	})
	if len(s.dialects.routes) > 0 {
		r.Group(func(r chi.Router) {
			r.Use(s.refuseForeignPages, s.cors()) // each route bounds its own body
			for _, add := range s.dialects.routes {
				add(r)
			}
		})
	}
	upload.RegisterMedia(r, s.uploads)
	mountDocs(r)
	s.mountPages(r)
	return r
}

type health struct {
	Status string `json:"status"`
}

// readyz says whether this node should get traffic.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	type readiness struct {
		Status   string `json:"status"`
		Database string `json:"database"`
		Redis    string `json:"redis"` // ok, away (this node goes on alone), none
		Draining bool   `json:"draining"`
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	out, status := readiness{Status: "ready", Database: "ok", Redis: "none", Draining: s.draining.Load()}, http.StatusOK
	if err := s.db.Ping(ctx); err != nil {
		out.Database = "unreachable"
	}
	if s.live.redis != nil {
		out.Redis = "ok"
		if !s.live.redis.Up() {
			out.Redis = "away"
		}
	}
	if out.Draining || out.Database != "ok" {
		out.Status, status = "not ready", http.StatusServiceUnavailable
	}
	httpjson.Write(w, status, out)
}

// findClientIP resolves who is asking, through trusted proxies only.
func (s *Server) findClientIP() func(http.Handler) http.Handler {
	if len(s.cfg.TrustedProxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	prefixes := make([]string, 0, len(s.cfg.TrustedProxies))
	for _, p := range s.cfg.TrustedProxies {
		prefixes = append(prefixes, p.String())
	}
	return middleware.ClientIPFromXFF(prefixes...)
}

// clientIP is the address of a request that went through findClientIP.
func (s *Server) clientIP(r *http.Request) string {
	if a := middleware.GetClientIPAddr(r.Context()); a.IsValid() {
		return a.String()
	}
	if a, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		return a.Addr().String()
	}
	return r.RemoteAddr
}

// refuseForeignPages answers 403 to a browser page that may not talk to this service, whatever
// token it holds.
func (s *Server) refuseForeignPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if origin := r.Header.Get("Origin"); !s.cfg.OriginAllowed(origin, r.Host) {
			s.log.WarnContext(r.Context(), "A page was refused", "path", r.URL.Path, "origin", origin, "ip", s.clientIP(r))
			httpjson.Error(w, r, s.log, apperr.New(apperr.Forbidden, "Pages of this origin may not use this service: add it to ALLOWED_ORIGINS"))
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (s *Server) cors() func(http.Handler) http.Handler {
	return cors.Handler(cors.Options{
		AllowOriginFunc: func(r *http.Request, origin string) bool { return s.cfg.OriginAllowed(origin, r.Host) },
		AllowedMethods:  []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete},
		AllowedHeaders:  []string{"Authorization", "Content-Type", "Idempotency-Key"},
		ExposedHeaders:  []string{"Retry-After", "Content-Disposition", "X-Next-After-Seq"},
		MaxAge:          600,
	})
}

// securityHeaders are right for every answer; a page adds its own policy.
func securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		next.ServeHTTP(w, r)
	})
}
