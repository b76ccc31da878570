package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"chaffer/internal/apperr"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
)

// Guard is the chi middleware that decides who a REST caller is.
type Guard struct {
	verifier Verifier
	services [][sha256.Size]byte // hashes of the service tokens: compared in constant time, whatever their lengths
	failures *Failures
	log      *slog.Logger
}

// NewGuard binds what decides about callers. failures may be shared with the sockets; nil counts nothing.
func NewGuard(v Verifier, serviceTokens []string, failures *Failures, log *slog.Logger) *Guard {
	g := &Guard{verifier: v, failures: failures, log: log}
	for _, t := range serviceTokens {
		g.services = append(g.services, sha256.Sum256([]byte(t)))
	}
	return g
}

// Require lets callers with a valid token of one of the types through (any type when none is
// given) and puts their Identity into the context: 401 without a valid token, 403 for
// another type, 429 for an address with too many failures.
func (g *Guard) Require(types ...models.UserType) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := bearer(r)
			var id Identity
			if err == nil {
				id, err = g.verifier.Verify(r.Context(), token)
			}
			if err != nil {
				g.refuse(w, r, err)
				return
			}
			if len(types) > 0 && !slices.Contains(types, id.User.Type) {
				err := apperr.New(apperr.Forbidden, "This is not for your kind of user: a token of a "+list(types)+" is needed")
				g.log.WarnContext(r.Context(), "A caller was refused", "path", r.URL.Path, "user", id.User.String(), "reason", "user type")
				httpjson.Error(w, r, g.log, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(NewContext(r.Context(), id)))
		})
	}
}

// RequireService lets callers with one of the service tokens through.
func (g *Guard) RequireService() func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			token, err := bearer(r)
			if err != nil || !g.isService(token) {
				g.refuse(w, r, apperr.New(apperr.Unauthorized, "A service token is needed: set SERVICE_TOKENS and send one as Authorization: Bearer"))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func (g *Guard) isService(token string) bool {
	sum := sha256.Sum256([]byte(token))
	found := 0
	for _, s := range g.services {
		found |= subtle.ConstantTimeCompare(s[:], sum[:])
	}
	return found == 1
}

func (g *Guard) refuse(w http.ResponseWriter, r *http.Request, err error) {
	addr := middleware.GetClientIPAddr(r.Context())
	if !addr.IsValid() {
		if ap, e := netip.ParseAddrPort(r.RemoteAddr); e == nil {
			addr = ap.Addr()
		}
	}
	g.log.WarnContext(r.Context(), "A caller was refused", "path", r.URL.Path, "ip", addr.String(), "reason", err.Error())
	if late := g.failures.Note(addr); late != nil {
		err = late
	}
	httpjson.Error(w, r, g.log, err)
}

// bearer returns the token of the Authorization header, "" when there is none. Tokens in the
// address or in a cookie are not looked at.
func bearer(r *http.Request) (string, error) {
	values := r.Header.Values("Authorization")
	if len(values) == 0 {
		return "", nil
	}
	scheme, token, _ := strings.Cut(strings.TrimSpace(values[0]), " ")
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return "", apperr.New(apperr.Unauthorized, "The Authorization header must be one Bearer token")
	}
	return strings.TrimSpace(token), nil
}

func list(types []models.UserType) string {
	words := make([]string, len(types))
	for i, t := range types {
		words[i] = string(t)
	}
	return strings.Join(words, " or ")
}
