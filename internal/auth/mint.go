package auth

import (
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Claims is who a minted token speaks of, and for whom it is.
type Claims struct {
	User     models.UserRef
	Name     string // "": left out
	Picture  string // "": left out
	Issuer   string // "": left out
	Audience string // "": left out

	ClaimID   string // "": userId
	ClaimType string // "": userType
}

// Mint signs a token with HS256, as a shop's backend would. It is for development and tests.
func Mint(secret string, c Claims, ttl time.Duration) (string, error) {
	if !wire.ValidUserID(c.User.ID) {
		return "", fmt.Errorf("auth: %q cannot be an id: it %s", c.User.ID, wire.NotAUserID)
	}
	idName, typeName := "userId", "userType"
	if c.ClaimID != "" {
		idName = c.ClaimID
	}
	if c.ClaimType != "" {
		typeName = c.ClaimType
	}
	now := time.Now()
	payload := jwt.MapClaims{
		idName: wire.ID(c.User.ID), typeName: string(c.User.Type),
		"iat": now.Unix(), "exp": now.Add(ttl).Unix(),
	}
	for name, value := range map[string]string{"name": c.Name, "picture": c.Picture, "iss": c.Issuer, "aud": c.Audience} {
		if value != "" {
			payload[name] = value
		}
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, payload).SignedString([]byte(secret))
}
