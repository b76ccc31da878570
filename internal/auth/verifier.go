package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

const (
	// Leeway is how far the clocks of the issuer and of this node may be apart.
	Leeway = 30 * time.Second
	// MaxToken is how many bytes a token may have before anything of it is parsed.
	MaxToken = 4 << 10
)

// VerifierOptions say who signs tokens and how to read them. Exactly one of Secret, PublicKey
// and JWKSURL is set; it decides the algorithms, a token does not.
type VerifierOptions struct {
	Secret    string // HS256
	Previous  string // HS256 too: the secret of before, while its last tokens live; "": none
	PublicKey string // PEM of an RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA) key
	JWKSURL   string // RS256, ES256 and EdDSA keys, read again every JWKSRefresh

	Issuer   string // "": iss is not looked at
	Audience string // "": aud is not looked at

	ClaimID     string            // "": the first there is of userId, id, sub
	ClaimType   string            // "": the first there is of userType, role
	TypeMap     map[string]string // the shop's lower-case word → customer, vendor, admin
	DefaultType models.UserType   // for a token without a type; "": such a token is refused

	AllowHTTPPictures bool             // development
	JWKSRefresh       time.Duration    // 0: 5 minutes
	Now               func() time.Time // nil: time.Now
	Log               *slog.Logger     // nil: slog.Default
}

type verifier struct {
	o      VerifierOptions
	parser *jwt.Parser
	keys   keySource
}

// NewVerifier reads the key. With JWKSURL it also starts the refresh, which ends with ctx; an
// address that does not answer yet is logged and tried again, and until then nobody gets in.
func NewVerifier(ctx context.Context, o VerifierOptions) (Verifier, error) {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	keys, err := newKeySource(ctx, o)
	if err != nil {
		return nil, err
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(keys.methods), jwt.WithLeeway(Leeway), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(o.Now),
	}
	if o.Issuer != "" {
		options = append(options, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		options = append(options, jwt.WithAudience(o.Audience))
	}
	return &verifier{o: o, parser: jwt.NewParser(options...), keys: keys}, nil
}

// Verify implements Verifier. The Identity expires at exp plus Leeway.
func (v *verifier) Verify(ctx context.Context, token string) (Identity, error) {
	token = strings.TrimSpace(token)
	if len(token) >= 7 && strings.EqualFold(token[:7], "bearer ") {
		token = strings.TrimSpace(token[7:])
	}
	switch {
	case token == "":
		return Identity{}, refuse("A token is needed: pass it as auth.token, or as Authorization: Bearer", nil)
	case len(token) > MaxToken:
		return Identity{}, refuse("The token is larger than 4096 bytes", nil)
	}
	if err := checkHeader(token); err != nil {
		return Identity{}, invalid(err)
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.keys.find(ctx)); err != nil {
		if errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenSignatureInvalid) {
			return Identity{}, refuse("The token has expired: get a new one and connect again", err)
		}
		return Identity{}, invalid(err)
	}
	id, err := c.identity(v.o)
	if err != nil {
		return Identity{}, invalid(err)
	}
	return id, nil
}

func refuse(sentence string, cause error) error {
	return apperr.Wrap(apperr.Unauthorized, sentence, cause)
}

// invalid is the one answer for everything else that is wrong; the cause is for the log.
func invalid(cause error) error { return refuse("The token is not valid", cause) }

// keyID is what a kid may look like; it is only ever compared, never opened.
var keyID = regexp.MustCompile(`^[A-Za-z0-9._:=+-]{1,128}$`)

// checkHeader refuses headers that bring their own key, name a place to fetch one from, or ask
// for something this service does not know, before a key is looked up.
func checkHeader(token string) error {
	segment, _, _ := strings.Cut(token, ".")
	b, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return errors.New("header is not base64url")
	}
	fields, err := strictObject(b)
	if err != nil {
		return fmt.Errorf("header: %w", err)
	}
	for _, name := range []string{"jku", "jwk", "x5u", "x5c", "crit", "zip", "enc", "b64"} {
		if _, ok := fields[name]; ok {
			return fmt.Errorf("header carries %s", name)
		}
	}
	if raw, ok := fields["kid"]; ok {
		if kid, isText := text(raw); !isText || !keyID.MatchString(kid) {
			return errors.New("kid has characters that a key id does not have")
		}
	}
	if raw, ok := fields["typ"]; ok {
		typ, _ := text(raw)
		if t := strings.TrimPrefix(strings.ToLower(typ), "application/"); t != "jwt" && t != "at+jwt" {
			return fmt.Errorf("typ is %.20q, not JWT", typ)
		}
	}
	return nil
}
