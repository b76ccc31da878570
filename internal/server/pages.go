package server

import (
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/demo"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/webui"
)

// demoTokenLife is how long a token of the demo lives; its pages ask for the next one themselves.
const demoTokenLife = time.Hour

// mountPages adds what people look at and, in development, a shop to try it in.
func (s *Server) mountPages(r chi.Router) {
	if err := webui.Mount(r, !s.cfg.Production()); err != nil {
		panic(err) // embedded in this build: a test has seen it
	}
	if s.cfg.Production() {
		return
	}
	demo.Routes(r)
	r.With(s.refuseForeignPages).Get("/demo/token/{type}/{id}", s.demoToken)
}

// demoToken signs a token for one of the demo's people, or for admin 1: {"token": "…"}.
func (s *Server) demoToken(w http.ResponseWriter, r *http.Request) {
	u := models.UserRef{Type: models.UserType(chi.URLParam(r, "type")), ID: chi.URLParam(r, "id")}
	name, picture, known := demo.Person(u, "http://"+r.Host)
	if s.cfg.JWTSecret == "" || !known {
		httpjson.Error(w, r, s.log, apperr.New(apperr.NotFound, "There is no such person in the demo"))
		return
	}
	token, err := auth.Mint(s.cfg.JWTSecret, auth.Claims{
		User: u, Name: name, Picture: picture, Issuer: s.cfg.JWTIssuer, Audience: s.cfg.JWTAudience,
		ClaimID: s.cfg.JWTClaimID, ClaimType: s.cfg.JWTClaimType,
	}, demoTokenLife)
	if err != nil {
		httpjson.Error(w, r, s.log, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	httpjson.Write(w, http.StatusOK, struct {
		Token string `json:"token"`
	}{token})
}
