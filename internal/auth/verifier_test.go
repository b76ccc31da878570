package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

const testSecret = "a-test-secret-of-more-than-32-bytes"

var now = time.Unix(1_760_000_000, 0)

func testVerifier(t *testing.T, change func(*VerifierOptions)) Verifier {
	t.Helper()
	o := VerifierOptions{Secret: testSecret, Now: func() time.Time { return now }}
	if change != nil {
		change(&o)
	}
	v, err := NewVerifier(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// raw signs header and payload exactly as given, so that a test can write what a library would not.
func raw(header, payload string) string {
	text := b64(header) + "." + b64(payload)
	m := hmac.New(sha256.New, []byte(testSecret))
	m.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

// with is a good payload of customer 2 with some claims changed; nil removes one.
func with(changes map[string]any) string {
	c := map[string]any{"userId": 2, "userType": "customer", "exp": now.Unix() + 600}
	for k, v := range changes {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	b, _ := json.Marshal(c)
	return string(b)
}

func good() string { return raw(hs256, with(nil)) }

func TestVerifyReadsTheIdentity(t *testing.T) {
	exp := time.Unix(now.Unix()+600, 0).Add(Leeway)
	ref := func(ty models.UserType, id string) models.UserRef { return models.UserRef{Type: ty, ID: id} }
	for name, c := range map[string]struct {
		token  string
		change func(*VerifierOptions)
		want   Identity
	}{
		"a number":           {good(), nil, Identity{User: ref("customer", "2")}},
		"with Bearer":        {"bearer  " + good() + " ", nil, Identity{User: ref("customer", "2")}},
		"a text":             {raw(hs256, with(map[string]any{"userId": "2"})), nil, Identity{User: ref("customer", "2")}},
		"an opaque id":       {raw(hs256, with(map[string]any{"userId": "67c041dd744c61c167a18a32"})), nil, Identity{User: ref("customer", "67c041dd744c61c167a18a32")}},
		"digits and an e":    {raw(hs256, with(map[string]any{"userId": "123456789012345678901e12"})), nil, Identity{User: ref("customer", "123456789012345678901e12")}},
		"id":                 {raw(hs256, with(map[string]any{"userId": nil, "id": 7, "sub": "9"})), nil, Identity{User: ref("customer", "7")}},
		"sub and role":       {raw(hs256, with(map[string]any{"userId": nil, "sub": "9", "userType": nil, "role": "VENDOR"})), nil, Identity{User: ref("vendor", "9")}},
		"name and picture":   {raw(hs256, with(map[string]any{"name": " John\u202e\n Doe", "picture": "https://x.example/j.png"})), nil, Identity{User: ref("customer", "2"), Name: "John Doe", Picture: "https://x.example/j.png"}},
		"a picture to avoid": {raw(hs256, with(map[string]any{"name": 5, "picture": "javascript:alert(1)"})), nil, Identity{User: ref("customer", "2")}},
		"own claim names": {raw(hs256, with(map[string]any{"userId": 5, "uid": "u-1", "kind": "Seller"})),
			func(o *VerifierOptions) {
				o.ClaimID, o.ClaimType, o.TypeMap = "uid", "kind", map[string]string{"seller": "vendor"}
			}, Identity{User: ref("vendor", "u-1")}},
		"a default type":       {raw(hs256, with(map[string]any{"userType": nil})), func(o *VerifierOptions) { o.DefaultType = models.TypeMember }, Identity{User: ref("member", "2")}},
		"issuer and audience":  {raw(hs256, with(map[string]any{"iss": "shop", "aud": []string{"other", "chaffer"}})), func(o *VerifierOptions) { o.Issuer, o.Audience = "shop", "chaffer" }, Identity{User: ref("customer", "2")}},
		"an access token":      {raw(hs256, with(map[string]any{"token_use": "access", "typ": "Bearer"})), nil, Identity{User: ref("customer", "2")}},
		"a kid":                {raw(`{"alg":"HS256","kid":"2025-01_a"}`, with(nil)), nil, Identity{User: ref("customer", "2")}},
		"T07 exp past by 29 s": {raw(hs256, with(map[string]any{"exp": now.Unix() - 29})), nil, Identity{User: ref("customer", "2"), Expires: now.Add(time.Second)}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.want.Expires.IsZero() {
				c.want.Expires = exp
			}
			got, err := testVerifier(t, c.change).Verify(t.Context(), c.token)
			if err != nil {
				t.Fatalf("refused: %v", err)
			}
			if got != c.want {
				t.Errorf("got %+v, expected %+v", got, c.want)
			}
		})
	}
}

// The rows are the attacks on tokens that RFC 8725 and the OWASP ASVS list; T01 to T13 group them.
func TestVerifyRefuses(t *testing.T) {
	parts := strings.Split(good(), ".")
	flipped := []byte(parts[2])
	flipped[0] ^= 1
	hs384, _ := jwt.NewWithClaims(jwt.SigningMethodHS384, jwt.MapClaims{"userId": 2, "userType": "customer", "exp": now.Unix() + 600}).SignedString([]byte(testSecret))
	aud := func(o *VerifierOptions) { o.Audience = "chaffer" }
	iss := func(o *VerifierOptions) { o.Issuer = "shop" }
	for name, c := range map[string]struct {
		token  string
		change func(*VerifierOptions)
	}{
		"T01 empty":              {"", nil},
		"T01 only Bearer":        {"Bearer ", nil},
		"T01 not a token":        {"42", nil},
		"T02 none":               {b64(`{"alg":"none"}`) + "." + parts[1] + ".", nil},
		"T02 None":               {b64(`{"alg":"None"}`) + "." + parts[1] + ".", nil},
		"T02 nOnE signed":        {raw(`{"alg":"nOnE"}`, with(nil)), nil},
		"T02 empty signature":    {parts[0] + "." + parts[1] + ".", nil},
		"T04 HS384":              {hs384, nil},
		"T05 flipped bit":        {parts[0] + "." + parts[1] + "." + string(flipped), nil},
		"T05 swapped payload":    {parts[0] + "." + b64(with(map[string]any{"userId": 3})) + "." + parts[2], nil},
		"T05 trailing dot":       {good() + ".", nil},
		"T05 fourth segment":     {good() + "." + parts[2], nil},
		"T05 trailing bits":      {good()[:len(good())-1] + nextBase64(good()), nil},
		"T06 wrong iss":          {raw(hs256, with(map[string]any{"iss": "other"})), iss},
		"T06 missing iss":        {good(), iss},
		"T06 iss as array":       {raw(hs256, with(map[string]any{"iss": []string{"shop"}})), iss},
		"T06 wrong aud":          {raw(hs256, with(map[string]any{"aud": "other"})), aud},
		"T06 aud without ours":   {raw(hs256, with(map[string]any{"aud": []string{"a", "b"}})), aud},
		"T06 missing aud":        {good(), aud},
		"T07 exp past by 31 s":   {raw(hs256, with(map[string]any{"exp": now.Unix() - 31})), nil},
		"T07 missing exp":        {raw(hs256, with(map[string]any{"exp": nil})), nil},
		"T07 null exp":           {raw(hs256, `{"sub":"2","role":"customer","exp":null}`), nil},
		"T07 exp as text":        {raw(hs256, with(map[string]any{"exp": "1760000600"})), nil},
		"a whole number as 2.0":  {raw(hs256, `{"sub":2.0,"role":"customer","exp":1760000600}`), nil},
		"a whole number as 1e2":  {raw(hs256, `{"sub":1e2,"role":"customer","exp":1760000600}`), nil},
		"T07 exp 1e300":          {raw(hs256, `{"sub":"2","role":"customer","exp":1e300}`), nil},
		"T07 exp 1e400":          {raw(hs256, `{"sub":"2","role":"customer","exp":1e400}`), nil},
		"T07 exp 0":              {raw(hs256, with(map[string]any{"exp": 0})), nil},
		"T08 nbf in the future":  {raw(hs256, with(map[string]any{"nbf": now.Unix() + 600})), nil},
		"T08 iat in the future":  {raw(hs256, with(map[string]any{"iat": now.Unix() + 600})), nil},
		"T08 nbf as text":        {raw(hs256, with(map[string]any{"nbf": "x"})), nil},
		"T09 5 KB":               {raw(hs256, with(map[string]any{"pad": strings.Repeat("a", 5<<10)})), nil},
		"T09 1 MB of dots":       {strings.Repeat(".", 1<<20), nil},
		"T10 kid as path":        {raw(`{"alg":"HS256","kid":"../../dev/null"}`, with(nil)), nil},
		"T10 kid as SQL":         {raw(`{"alg":"HS256","kid":"' OR 1=1--"}`, with(nil)), nil},
		"T10 kid as number":      {raw(`{"alg":"HS256","kid":7}`, with(nil)), nil},
		"T10 jku":                {raw(`{"alg":"HS256","jku":"http://127.0.0.1:1/"}`, with(nil)), nil},
		"T10 x5u":                {raw(`{"alg":"HS256","x5u":"http://127.0.0.1:1/"}`, with(nil)), nil},
		"T10 jwk":                {raw(`{"alg":"HS256","jwk":{"kty":"oct","k":"AA"}}`, with(nil)), nil},
		"T10 crit":               {raw(`{"alg":"HS256","crit":["exp"]}`, with(nil)), nil},
		"T11 refresh token":      {raw(hs256, with(map[string]any{"typ": "Refresh"})), nil},
		"T11 ID token":           {raw(hs256, with(map[string]any{"token_use": "id"})), nil},
		"T11 token_type refresh": {raw(hs256, with(map[string]any{"token_type": "refresh"})), nil},
		"T11 typ in the header":  {raw(`{"alg":"HS256","typ":"refresh+jwt"}`, with(nil)), nil},
		"T12 role unknown":       {raw(hs256, with(map[string]any{"userType": "root"})), nil},
		"T12 role system":        {raw(hs256, with(map[string]any{"userType": "system"})), nil},
		"T12 role member":        {raw(hs256, with(map[string]any{"userType": "member"})), nil},
		"T12 role missing":       {raw(hs256, with(map[string]any{"userType": nil})), nil},
		"T12 role as array":      {raw(hs256, with(map[string]any{"userType": []string{"customer"}})), nil},
		"T12 role with a blank":  {raw(hs256, with(map[string]any{"userType": "CUSTOMER "})), nil},
		"T12 id empty":           {raw(hs256, with(map[string]any{"userId": ""})), nil},
		"T12 id missing":         {raw(hs256, with(map[string]any{"userId": nil})), nil},
		"T12 id 0":               {raw(hs256, with(map[string]any{"userId": 0})), nil},
		"T12 id text 0":          {raw(hs256, with(map[string]any{"userId": "0"})), nil},
		"T12 id -1":              {raw(hs256, with(map[string]any{"userId": -1})), nil},
		"T12 id text -1":         {raw(hs256, with(map[string]any{"userId": "-1"})), nil},
		"T12 id 2.5":             {raw(hs256, with(map[string]any{"userId": 2.5})), nil},
		"T12 id text 2.5":        {raw(hs256, with(map[string]any{"userId": "2.5"})), nil},
		"T12 id 1e400":           {raw(hs256, `{"sub":1e400,"role":"customer","exp":1760000600}`), nil},
		"T12 id 2^53":            {raw(hs256, `{"sub":9007199254740992,"role":"customer","exp":1760000600}`), nil},
		"T12 id as SQL":          {raw(hs256, with(map[string]any{"userId": "2 OR 1=1"})), nil},
		"T12 id as object":       {raw(hs256, with(map[string]any{"userId": map[string]int{"$ne": 1}})), nil},
		"T12 id as bool":         {raw(hs256, with(map[string]any{"userId": true})), nil},
		"T12 id of 65":           {raw(hs256, with(map[string]any{"userId": strings.Repeat("a", 65)})), nil},
		"T13 sub twice":          {raw(hs256, `{"sub":"2","sub":"3","role":"customer","exp":1760000600}`), nil},
		"T13 sub and SUB":        {raw(hs256, `{"sub":"2","SUB":"3","role":"customer","exp":1760000600}`), nil},
		"T13 sub, escaped twice": {raw(hs256, `{"sub":"2","\u0073ub":"3","role":"customer","exp":1760000600}`), nil},
		"T13 alg twice":          {raw(`{"alg":"HS256","alg":"none"}`, with(nil)), nil},
		"T13 zero-width":         {raw(hs256, with(map[string]any{"userId": "2\u200b"})), nil},
		"T13 lone surrogate":     {raw(hs256, `{"sub":"\ud800","role":"customer","exp":1760000600}`), nil},
		"T13 not UTF-8":          {raw(hs256, "{\"sub\":\"\xff\",\"role\":\"customer\",\"exp\":1760000600}"), nil},
		"T13 two objects":        {raw(hs256, with(nil)+"{}"), nil},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := testVerifier(t, c.change).Verify(t.Context(), c.token)
			if !apperr.Is(err, apperr.Unauthorized) {
				t.Fatalf("expected 401, got %+v, %v", id, err)
			}
			if id != (Identity{}) {
				t.Errorf("a refusal must come without an identity, got %+v", id)
			}
			if p := apperr.Describe(err); strings.Contains(p.Message, "userId") || strings.Contains(p.Message, "HS256") {
				t.Errorf("the answer says too much: %s", p.Message)
			}
		})
	}
}

// nextBase64 changes only the bits of the last character that carry no data.
func nextBase64(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[(strings.IndexByte(alphabet, token[len(token)-1])+1)%64])
}

// T03: the public key, as the text everybody has, must not pass as an HMAC secret; T02 and T04 for keys.
func TestPublicKeys(t *testing.T) {
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	claims := jwt.MapClaims{"userId": 2, "userType": "customer", "exp": now.Unix() + 600}
	for name, c := range map[string]struct {
		method jwt.SigningMethod
		key    crypto.Signer
	}{
		"RS256": {jwt.SigningMethodRS256, rsaKey}, "ES256": {jwt.SigningMethodES256, ecKey}, "EdDSA": {jwt.SigningMethodEdDSA, edKey},
	} {
		t.Run(name, func(t *testing.T) {
			text := publicPEM(t, c.key.Public())
			v := testVerifier(t, func(o *VerifierOptions) { o.Secret, o.PublicKey = "", text })
			token, err := jwt.NewWithClaims(c.method, claims).SignedString(c.key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(t.Context(), token); err != nil {
				t.Errorf("a good token is refused: %v", err)
			}
			for _, secret := range []string{text, strings.TrimSpace(text)} {
				confused, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
				if _, err := v.Verify(t.Context(), confused); !apperr.Is(err, apperr.Unauthorized) {
					t.Errorf("the public key was taken for a secret: %v", err)
				}
			}
			if _, err := v.Verify(t.Context(), good()); !apperr.Is(err, apperr.Unauthorized) {
				t.Error("HS256 must not be accepted beside a public key")
			}
		})
	}
	ps256, _ := jwt.NewWithClaims(jwt.SigningMethodPS256, claims).SignedString(rsaKey)
	if _, err := testVerifier(t, func(o *VerifierOptions) { o.Secret, o.PublicKey = "", publicPEM(t, rsaKey.Public()) }).Verify(t.Context(), ps256); err == nil {
		t.Error("PS256 must not be accepted where RS256 is expected")
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	p384, _ := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	private, _ := x509.MarshalPKCS8PrivateKey(p384)
	for name, o := range map[string]VerifierOptions{
		"none": {}, "two": {Secret: testSecret, JWKSURL: "https://a.example"}, "not PEM": {PublicKey: "abc"},
		"a small key": {PublicKey: publicPEM(t, small.Public())}, "P-384": {PublicKey: publicPEM(t, p384.Public())},
		"a private key": {PublicKey: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))},
	} {
		if _, err := NewVerifier(t.Context(), o); err == nil {
			t.Errorf("%s: expected a refusal", name)
		}
	}
}

func publicPEM(t *testing.T, key any) string {
	t.Helper()
	b, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: b}))
}

// T09: what is too large is refused before any of it is parsed or copied.
func TestLargeTokensCostNothing(t *testing.T) {
	v := testVerifier(t, nil)
	bomb := strings.Repeat(".", 1<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 1000 {
		if _, err := v.Verify(t.Context(), bomb); err == nil {
			t.Fatal("accepted")
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
		t.Errorf("1,000 tries allocated %d bytes, expected under 1 MB", grown)
	}
}

// T13: whatever is accepted reads the same with another parser that takes the last of two keys.
func TestNoSecondReading(t *testing.T) {
	v := testVerifier(t, nil)
	for _, id := range []string{`2`, `"2"`, `2.0`, `"２"`, `"а"`, `"a\u0301"`, `"2\u200d"`, `"\u0032"`} {
		payload := fmt.Sprintf(`{"sub":%s,"role":"customer","exp":1760000600}`, id)
		got, err := v.Verify(t.Context(), raw(hs256, payload))
		if err != nil {
			continue
		}
		var second struct{ Sub any }
		if err := json.Unmarshal([]byte(payload), &second); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(second.Sub) != got.User.ID {
			t.Errorf("sub %s is read as %q and as %v", id, got.User.ID, second.Sub)
		}
	}
}

func TestMintedTokensVerify(t *testing.T) {
	v := testVerifier(t, func(o *VerifierOptions) { o.Now = time.Now; o.Issuer = "shop"; o.Audience = "chaffer" })
	token, err := Mint(testSecret, Claims{User: models.UserRef{Type: "vendor", ID: "2"}, Name: "Tech Haven", Issuer: "shop", Audience: "chaffer"}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	id, err := v.Verify(t.Context(), token)
	if err != nil || id.User.String() != "vendor:2" || id.Name != "Tech Haven" {
		t.Errorf("got %+v, %v", id, err)
	}
	if _, err := Mint(testSecret, Claims{User: models.UserRef{Type: "vendor", ID: "a b"}}, time.Hour); err == nil {
		t.Error("an id with a blank must be refused")
	}
}
