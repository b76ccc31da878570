package httpjson

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
)

// Timeout is how long an operation may take.
const Timeout = 5 * time.Second

// API registers described operations on one chi router. Several of them, on routers with
// different middleware, write into one description.
type API struct {
	huma huma.API
	log  *slog.Logger
}

// NewAPI binds a router to a description (see NewSpec).
func NewAPI(r chi.Router, spec *huma.OpenAPI, log *slog.Logger) *API {
	format := huma.Format{Marshal: marshal, Unmarshal: unmarshal}
	return &API{log: log, huma: humachi.New(r, huma.Config{
		OpenAPI:       spec,
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		// A filter that was mistyped must not quietly answer with everything.
		RejectUnknownQueryParameters: true,
	})}
}

// NewSpec is an empty OpenAPI 3.1 description with bearer tokens as its security.
func NewSpec(title, version, description string) *huma.OpenAPI {
	return &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info:    &huma.Info{Title: title, Version: version, Description: description},
		Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
			SecuritySchemes: map[string]*huma.SecurityScheme{
				"user":    {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The token of a customer, a vendor or an admin."},
				"service": {Type: "http", Scheme: "bearer", Description: "A service token of the shop's backend."},
			},
		},
		OnAddOperation: []huma.AddOpFunc{describeFailures},
	}
}

// Handle registers an operation. What h returns as an error becomes a problem by apperr.Describe.
func Handle[I, O any](api *API, op huma.Operation, h func(context.Context, *I) (*O, error)) {
	op.MaxBodyBytes = MaxBody
	op.BodyReadTimeout = 10 * time.Second
	op.Middlewares = append(huma.Middlewares{keepRequest}, op.Middlewares...)
	huma.Register(api.huma, op, func(ctx context.Context, in *I) (*O, error) {
		bounded, cancel := context.WithTimeout(ctx, Timeout)
		defer cancel()
		out, err := h(bounded, in)
		if err != nil {
			p := NewProblem(err)
			r, _ := ctx.Value(requestKey{}).(*http.Request)
			report(r, api.log, p, err)
			return nil, p
		}
		return out, nil
	})
}

// MethodNotAllowed answers a known path with another method, and names the ones there are. A path that
// only answers the question of a browser's preflight is not known.
func MethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	routes := chi.RouteContext(r.Context()).Routes
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if routes.Match(chi.NewRouteContext(), m, r.URL.Path) {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		NotFound(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	Error(w, r, nil, apperr.New(apperr.NotAllowed, "This address does not answer "+r.Method+", it answers "+strings.Join(allowed, ", ")))
}

type requestKey struct{}

func keepRequest(ctx huma.Context, next func(huma.Context)) {
	r, _ := humachi.Unwrap(ctx)
	ctx.SetHeader("X-Content-Type-Options", "nosniff")
	ctx.SetHeader("Cache-Control", "no-store")
	next(huma.WithValue(ctx, requestKey{}, r))
}

func marshal(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) }

func unmarshal(b []byte, v any) error {
	if err := checkShape(b); err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}

// newError replaces huma's own body. What huma calls 422 is a 400 here: the request is wrong.
func newError(status int, message string, errs ...error) huma.StatusError {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	var details []Detail
	for _, err := range errs {
		var e *apperr.Error
		var d huma.ErrorDetailer
		switch {
		case errors.As(err, &e):
			details = append(details, Detail{Message: e.Message})
		case errors.As(err, &d):
			detail := d.ErrorDetail()
			text := detail.Message
			if detail.Location == "body" && strings.Contains(text, "JSON") || strings.HasPrefix(text, "invalid character") {
				text = "is not valid JSON"
			}
			details = append(details, Detail{Location: detail.Location, Message: text})
		}
	}
	sentence := "The request is not valid"
	switch {
	case status >= 500:
		details, sentence = nil, apperr.Describe(errors.New(message)).Message
	case len(details) > 0:
		sentence += ": " + strings.TrimSpace(details[0].Location+" "+details[0].Message)
	case status == http.StatusRequestEntityTooLarge:
		sentence = "The body is larger than " + strconv.Itoa(MaxBody) + " bytes"
	case status == http.StatusUnsupportedMediaType:
		sentence = "The body must be JSON: send Content-Type: application/json"
	case message != "":
		sentence += ": " + message
	}
	p := NewProblem(apperr.New(apperr.Code(status), sentence))
	p.Errors = details
	return p
}

// describeFailures documents what newError does with huma's 422, and gives every failure its text.
func describeFailures(_ *huma.OpenAPI, op *huma.Operation) {
	if r := op.Responses["422"]; r != nil {
		delete(op.Responses, "422")
		op.Responses["400"] = r
		r.Description = http.StatusText(http.StatusBadRequest)
	}
	op.Errors = slices.DeleteFunc(op.Errors, func(c int) bool { return c == http.StatusUnprocessableEntity })
}

func init() { huma.NewError = newError }
