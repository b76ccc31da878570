// Package auth decides who somebody is, from a token and nothing else.
package auth

import (
	"context"
	"time"

	"chaffer/internal/models"
)

// Identity is what a verified token says.
type Identity struct {
	User    models.UserRef
	Name    string    // "" when the token has none
	Picture string    // an absolute URL, or ""
	Issued  time.Time // iat of the token; zero when it has none
	Expires time.Time // exp of the token plus Leeway: from then on the session is over
	Scope   string    // how they proved it, for contracts with more than one way; "" for a plain token
	LogIn   string    // the log-in it stands on, when that can be ended on its own; "" for a plain token
}

// Verifier turns a raw token, with or without "Bearer ", into an Identity.
// Every refusal is an apperr.Unauthorized with a public sentence.
type Verifier interface {
	Verify(ctx context.Context, token string) (Identity, error)
}

type contextKey struct{}

// NewContext carries the identity of a REST caller.
func NewContext(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// FromContext returns the caller that the middleware has put there.
func FromContext(ctx context.Context) (Identity, bool) {
	id, ok := ctx.Value(contextKey{}).(Identity)
	return id, ok
}
