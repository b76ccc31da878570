package server

import (
	"log/slog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"chaffer/internal/apidoc"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/product"
	"chaffer/internal/session"
)

// mountREST adds everything under /api/v1, each group behind its guard, and describes it in spec.
func mountREST(r chi.Router, spec *huma.OpenAPI, g *auth.Guard, products *product.Service, chats *chat.Service, sessions *session.Sessions, log *slog.Logger) {
	r.Group(func(r chi.Router) {
		r.Use(g.Require(models.TypeCustomer, models.TypeVendor))
		chat.Register(httpjson.NewAPI(r, spec, log), chats)
	})
	r.Group(func(r chi.Router) {
		r.Use(g.RequireService())
		product.Register(httpjson.NewAPI(r, spec, log), products)
	})
	r.Group(func(r chi.Router) {
		r.Use(g.Require(models.TypeAdmin))
		admin := httpjson.NewAPI(r, spec, log)
		chat.RegisterAdmin(admin, chats)
		session.RegisterAdmin(admin, sessions)
	})
}

// OpenAPI describes the REST surface without running it.
func OpenAPI() *huma.OpenAPI {
	log := slog.New(slog.DiscardHandler)
	spec := newSpec()
	mountREST(chi.NewRouter(), spec, auth.NewGuard(nil, nil, nil, log), nil, nil, nil, log)
	mountUploads(chi.NewRouter(), spec, auth.NewGuard(nil, nil, nil, log), nil)
	return spec
}

// mountDocs adds the two descriptions and the page to try the REST surface out.
func mountDocs(r chi.Router) {
	openapi, err := OpenAPIJSON()
	if err != nil {
		panic(err) // built from our own types alone: a test has seen it
	}
	asyncapi, err := AsyncAPIJSON()
	if err != nil {
		panic(err)
	}
	if err := apidoc.Mount(r, openapi, asyncapi); err != nil {
		panic(err)
	}
}
