package server

import (
	"log/slog"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"chaffer/internal/auth"
	"chaffer/internal/buildinfo"
	"chaffer/internal/chat"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/product"
)

// mountREST adds everything under /api/v1, each group behind its guard, and returns its description.
func mountREST(r chi.Router, g *auth.Guard, products *product.Service, chats *chat.Service, log *slog.Logger) *huma.OpenAPI {
	spec := httpjson.NewSpec("Chaffer", buildinfo.Read().Version,
		"The chat between the customers and the vendors of an online shop. Every answer is the envelope {error, message, statusCode, data}; a failure is also a problem document.")
	spec.Tags = []*huma.Tag{
		{Name: "Chats", Description: "For customers and vendors."},
		{Name: "Catalogue", Description: "For the shop's backend, with a service token."},
		{Name: "Admin", Description: "For admins. Every request is a row in the audit log."},
	}
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
		chat.RegisterAdmin(httpjson.NewAPI(r, spec, log), chats)
	})
	return spec
}

// OpenAPI describes the REST surface without running it.
func OpenAPI() *huma.OpenAPI {
	log := slog.New(slog.DiscardHandler)
	return mountREST(chi.NewRouter(), auth.NewGuard(nil, nil, nil, log), nil, nil, log)
}
