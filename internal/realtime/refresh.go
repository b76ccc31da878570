package realtime

import (
	"context"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/wire"
)

// RefreshRequest is refreshToken.
type RefreshRequest struct {
	Token string `json:"token" doc:"A newer token of the same user, with or without Bearer."`
}

// RefreshedJSON says how long the session now lasts.
type RefreshedJSON struct {
	ExpiresAt wire.Time `json:"expiresAt" format:"date-time"`
}

// HandleRefresh registers refreshToken, which extends a session. A token of somebody else is 403
// and ends the socket; one that is not valid is 401 and changes nothing.
func HandleRefresh(n *Namespace) {
	OnAsync(n, Event{
		Name: "refreshToken", Answer: "refreshToken",
		Doc: "Extends the session with a newer token of the same user; a token of somebody else ends it.",
	}, func(ctx context.Context, c *Conn, in RefreshRequest, done func(wire.Envelope[RefreshedJSON], error)) {
		id, err := refreshed(ctx, c, in)
		if err != nil {
			done(wire.Envelope[RefreshedJSON]{}, err)
			if apperr.Is(err, apperr.Forbidden) {
				c.Close() // after the answer
			}
			return
		}
		c.SetIdentity(id)
		done(wire.OK("Token has been refreshed", RefreshedJSON{ExpiresAt: wire.At(id.Expires)}), nil)
	})
}

func refreshed(ctx context.Context, c *Conn, in RefreshRequest) (auth.Identity, error) {
	if in.Token == "" || len(in.Token) > maxToken {
		return auth.Identity{}, apperr.New(apperr.Unauthorized, "refreshToken: token must be a valid token of at most 4 KB")
	}
	id, err := c.ns.server.o.Verifier.Verify(ctx, in.Token)
	if err != nil {
		return auth.Identity{}, err
	}
	if id.User != c.User() {
		return auth.Identity{}, apperr.New(apperr.Forbidden, "This token belongs to somebody else; the connection is closed")
	}
	return id, nil
}
