package security

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/realtime/siotest"
)

const previousSecret = "security-canary-previous-0123456789abcdefghij"

// shopKey is a key pair of the shop; its public half, as PEM, is what everybody knows.
var shopKey, shopPEM = func() (*rsa.PrivateKey, string) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		panic(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}()

// signedText signs a payload letter by letter, so that it may have what no library would write.
func signedText(key []byte, payload string) string {
	text := segment(map[string]string{"alg": "HS256", "typ": "JWT"}) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

var keyRows = []attack{
	{number: "T03", name: "a public key taken for an HMAC secret", settings: map[string]string{"JWT_SECRET": "", "JWT_PUBLIC_KEY": shopPEM}, run: func(s *site) string {
		good, err := jwt.NewWithClaims(jwt.SigningMethodRS256, claims(nil)).SignedString(shopKey)
		if err != nil {
			s.Fatal(err)
		}
		s.want(200, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+good)
		payload, _ := json.Marshal(claims(nil))
		bad := map[string]string{"signed by the common secret": signed(claims(nil), nil)}
		for name, key := range map[string]string{"PEM": shopPEM, "PEM without its last line end": strings.TrimSuffix(shopPEM, "\n"), "an empty key": ""} {
			bad[name] = signedText([]byte(key), string(payload))
		}
		return badTokens(s, bad) + "; the one signed by the key's private half: 200"
	}},
	{number: "T09", name: "tokens of 5 and 60 KB", run: func(s *site) string {
		return badTokens(s, map[string]string{
			"5 KB": signed(claims(jwt.MapClaims{"name": strings.Repeat("n", 5<<10)}), nil), "5 KB of dots": strings.Repeat(".", 5<<10), "60 KB of dots": strings.Repeat(".", 60<<10),
		})
	}},
	{number: "T13", name: "claims that two parsers read differently", run: func(s *site) string {
		const rest = `,"userType":"customer","iss":"shop","aud":"chaffer","exp":4000000000}`
		seen := badTokens(s, map[string]string{
			"an id twice": signedText([]byte(secret), `{"userId":2,"userId":3`+rest), "an id in two cases": signedText([]byte(secret), `{"userId":2,"USERID":3`+rest),
			"2.0": signedText([]byte(secret), `{"userId":2.0`+rest), "2e0": signedText([]byte(secret), `{"userId":2e0`+rest),
			"something behind": signedText([]byte(secret), `{"userId":2`+rest+`{}`), "not UTF-8": signedText([]byte(secret), "{\"userId\":\"2\xff\""+rest),
		})
		for _, id := range []string{`"２"`, `"а"`, `"2\u200d"`, `"\u0032"`, `"02"`} {
			var other any
			_ = json.Unmarshal([]byte(id), &other)
			c := s.dial()
			if _, err := c.TryConnect("/presence", map[string]string{"token": signedText([]byte(secret), `{"userId":`+id+rest)}); err != nil {
				s.Fatal(err)
			}
			r, err := c.TryExpect("/presence", "connection", siotest.Timeout/5)
			var told struct{ Data struct{ UserID any } }
			if err == nil && (json.Unmarshal(r, &told) != nil || fmt.Sprint(told.Data.UserID) != fmt.Sprint(other)) {
				s.Errorf("the id %s is read as %v", id, told.Data.UserID)
			}
			c.Close()
		}
		return seen + "; an id in look-alike digits or with something invisible is refused or read as another parser reads it"
	}},
	{number: "T20", name: "rotation of the secret", settings: map[string]string{"JWT_PREVIOUS_SECRET": previousSecret}, run: func(s *site) string {
		payload, _ := json.Marshal(claims(nil))
		for _, key := range []string{secret, previousSecret} {
			s.want(200, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+signedText([]byte(key), string(payload)))
		}
		c := s.dial()
		c.Connect("/presence", signedText([]byte(previousSecret), string(payload)))
		c.Expect("/presence", "connection", siotest.Timeout)
		without := start(s.T, dbtest.SQLite(s.T), nil)
		without.socket = s.socket
		seen := badTokens(without, map[string]string{"the previous secret, after the rotation": signedText([]byte(previousSecret), string(payload)), "the one before": signedText([]byte(strings.Repeat("k", 40)), string(payload))})
		return "during the overlap both are good; afterwards " + seen
	}},
}
