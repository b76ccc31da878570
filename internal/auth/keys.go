package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// Bounds on what a key server can do to us.
const (
	jwksTimeout = 5 * time.Second
	maxJWKS     = 256 << 10 // bytes
	minRSABits  = 2048
)

// keySource is where a key comes from, and the algorithms that this kind of key may be used
// with. The two stay together: a public key must never be taken for an HMAC secret.
type keySource struct {
	methods []string
	find    func(context.Context) jwt.Keyfunc
}

func newKeySource(ctx context.Context, o VerifierOptions) (keySource, error) {
	switch {
	case o.Secret != "" && o.PublicKey == "" && o.JWKSURL == "":
		if o.Previous != "" { // each is tried; which one signed is not told from outside
			return oneKey(jwt.VerificationKeySet{Keys: []jwt.VerificationKey{[]byte(o.Secret), []byte(o.Previous)}}, jwt.SigningMethodHS256), nil
		}
		return oneKey([]byte(o.Secret), jwt.SigningMethodHS256), nil
	case o.PublicKey != "" && o.Secret == "" && o.JWKSURL == "":
		return publicKey(o.PublicKey)
	case o.JWKSURL != "" && o.Secret == "" && o.PublicKey == "":
		return keySet(ctx, o)
	}
	return keySource{}, errors.New("auth: expected exactly one of a secret, a public key and a key set address")
}

func oneKey(key any, method jwt.SigningMethod) keySource {
	return keySource{
		methods: []string{method.Alg()},
		find:    func(context.Context) jwt.Keyfunc { return func(*jwt.Token) (any, error) { return key, nil } },
	}
}

func publicKey(text string) (keySource, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return keySource{}, errors.New("JWT_PUBLIC_KEY is not PEM: expected a block that begins with -----BEGIN PUBLIC KEY-----")
	}
	key, err := parsePublic(block)
	if err != nil {
		return keySource{}, fmt.Errorf("JWT_PUBLIC_KEY cannot be read: expected -----BEGIN PUBLIC KEY-----, got a block %q: %w", block.Type, err)
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSABits {
			return keySource{}, fmt.Errorf("JWT_PUBLIC_KEY is an RSA key of %d bits: expected at least %d", k.N.BitLen(), minRSABits)
		}
		return oneKey(k, jwt.SigningMethodRS256), nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return keySource{}, fmt.Errorf("JWT_PUBLIC_KEY is on the curve %s: expected P-256", k.Curve.Params().Name)
		}
		return oneKey(k, jwt.SigningMethodES256), nil
	case ed25519.PublicKey:
		return oneKey(k, jwt.SigningMethodEdDSA), nil
	}
	return keySource{}, fmt.Errorf("JWT_PUBLIC_KEY is a %T: expected an RSA, P-256 or Ed25519 key", key)
}

func parsePublic(block *pem.Block) (any, error) {
	switch block.Type {
	case "PUBLIC KEY":
		return x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		return x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	return nil, errors.New("not a public key")
}

// keySet follows a JSON Web Key Set. A key that has gone from it stops being accepted with the
// next refresh; an unknown key id causes one more look, at most twice a minute.
func keySet(ctx context.Context, o VerifierOptions) (keySource, error) {
	interval := o.JWKSRefresh
	if interval == 0 {
		interval = 5 * time.Minute
	}
	anyway := true // start although the key server does not answer yet
	set, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{o.JWKSURL}, keyfunc.Override{
		Client: &http.Client{
			Transport:     boundedBody{http.DefaultTransport},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Timeout:       jwksTimeout,
		},
		HTTPTimeout:               jwksTimeout,
		NoErrorReturnFirstHTTPReq: &anyway,
		RateLimitWaitMax:          2 * time.Second,
		RefreshInterval:           interval,
		RefreshUnknownKID:         rate.NewLimiter(rate.Every(30*time.Second), 1),
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				o.Log.ErrorContext(ctx, "The key set could not be read, the keys known so far stay in use", "err", err)
			}
		},
	})
	if err != nil {
		return keySource{}, fmt.Errorf("JWKS_URL cannot be used: expected an address such as https://shop.example.com/.well-known/jwks.json: %w", err)
	}
	return keySource{
		methods: []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()},
		find:    func(ctx context.Context) jwt.Keyfunc { return bounded(set.KeyfuncCtx(ctx)) },
	}, nil
}

// bounded refuses keys that are too short to trust, wherever the set got them from.
func bounded(find jwt.Keyfunc) jwt.Keyfunc {
	return func(t *jwt.Token) (any, error) {
		key, err := find(t)
		if k, ok := key.(*rsa.PublicKey); ok && err == nil && k.N.BitLen() < minRSABits {
			return nil, fmt.Errorf("RSA key of %d bits", k.N.BitLen())
		}
		return key, err
	}
}

// boundedBody cuts an answer off after maxJWKS bytes.
type boundedBody struct{ http.RoundTripper }

func (b boundedBody) RoundTrip(r *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		res.Body = struct {
			io.Reader
			io.Closer
		}{io.LimitReader(res.Body, maxJWKS), res.Body}
	}
	return res, err
}
