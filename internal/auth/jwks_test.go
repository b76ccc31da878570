package auth

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

type jwk map[string]string

func rsaJWK(kid string, key *rsa.PublicKey) jwk {
	enc := base64.RawURLEncoding.EncodeToString
	return jwk{"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": enc(key.N.Bytes()), "e": enc(big.NewInt(int64(key.E)).Bytes())}
}

// keyServer serves whatever set was stored last, and counts how often it was asked.
type keyServer struct {
	*httptest.Server
	set   atomic.Value // []byte
	asked atomic.Int64
}

func newKeyServer(t *testing.T, keys ...jwk) *keyServer {
	t.Helper()
	s := &keyServer{}
	s.publish(keys...)
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s.asked.Add(1)
		_, _ = w.Write(s.set.Load().([]byte))
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *keyServer) publish(keys ...jwk) {
	b, _ := json.Marshal(map[string]any{"keys": keys})
	s.set.Store(b)
}

func signed(t *testing.T, key *rsa.PrivateKey, kid string) string {
	t.Helper()
	token := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{"userId": 2, "userType": "customer", "exp": time.Now().Unix() + 600})
	if kid != "" {
		token.Header["kid"] = kid
	}
	s, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// T20: both keys during the overlap, the old one no longer once it has left the set.
func TestKeySetRotation(t *testing.T) {
	oldKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	newKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	srv := newKeyServer(t, rsaJWK("old", &oldKey.PublicKey))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	v, err := NewVerifier(ctx, VerifierOptions{JWKSURL: srv.URL, JWKSRefresh: 20 * time.Millisecond, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	accepts := func(key *rsa.PrivateKey, kid string) bool {
		_, err := v.Verify(ctx, signed(t, key, kid))
		return err == nil
	}
	if !accepts(oldKey, "old") || !accepts(oldKey, "") {
		t.Error("a key of the set must be accepted, with and without kid")
	}
	if accepts(newKey, "old") {
		t.Error("another key under a known kid must be refused")
	}
	srv.publish(rsaJWK("old", &oldKey.PublicKey), rsaJWK("new", &newKey.PublicKey))
	eventually(t, func() bool { return accepts(newKey, "new") && accepts(oldKey, "old") })
	srv.publish(rsaJWK("new", &newKey.PublicKey))
	eventually(t, func() bool { return accepts(newKey, "new") && !accepts(oldKey, "old") })
}

// An attacker who invents key ids must not make us hammer the key server, nor wait for it.
func TestUnknownKeyIDsAreBounded(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	srv := newKeyServer(t, rsaJWK("k", &key.PublicKey))
	v, err := NewVerifier(t.Context(), VerifierOptions{JWKSURL: srv.URL, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	for range 50 {
		if _, err := v.Verify(t.Context(), signed(t, key, "unknown")); err == nil {
			t.Fatal("accepted")
		}
	}
	if n := srv.asked.Load(); n > 2 {
		t.Errorf("the key server was asked %d times, expected at start and once more", n)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("50 unknown ids took %v", took)
	}
}

func TestKeySetsThatDoNotHelpAnAttacker(t *testing.T) {
	key, _ := rsa.GenerateKey(rand.Reader, 2048)
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	oct := jwk{"kty": "oct", "kid": "s", "k": base64.RawURLEncoding.EncodeToString([]byte(testSecret))}
	srv := newKeyServer(t, oct, rsaJWK("small", &small.PublicKey))
	other := newKeyServer(t, rsaJWK("k", &key.PublicKey))
	redirect := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusFound))
	t.Cleanup(redirect.Close)
	huge := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b, _ := json.Marshal(map[string]any{"pad": strings.Repeat("a", maxJWKS), "keys": []jwk{rsaJWK("k", &key.PublicKey)}})
		_, _ = w.Write(b)
	}))
	t.Cleanup(huge.Close)
	for name, c := range map[string]struct{ url, token string }{
		"an HMAC key in the set": {srv.URL, raw(`{"alg":"HS256","kid":"s"}`, with(nil))},
		"a small key":            {srv.URL, signed(t, small, "small")},
		"a redirect":             {redirect.URL, signed(t, key, "k")},
		"a huge answer":          {huge.URL, signed(t, key, "k")},
		"nobody there":           {"http://127.0.0.1:1/", signed(t, key, "k")},
	} {
		v, err := NewVerifier(t.Context(), VerifierOptions{JWKSURL: c.url, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Errorf("%s: the start must not depend on the key server: %v", name, err)
			continue
		}
		if _, err := v.Verify(t.Context(), c.token); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline:
			t.Fatal("did not happen within 10 s")
		case <-tick.C:
		}
	}
}
