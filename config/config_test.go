package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func from(env map[string]string) func(string) (string, bool) {
	return func(k string) (string, bool) { v, ok := env[k]; return v, ok }
}

func TestDefaultsRunOnALaptop(t *testing.T) {
	c, err := Load(from(nil))
	if err != nil {
		t.Fatal(err)
	}
	if c.Production() || c.Host != "127.0.0.1" || c.Port != 3000 || c.DatabaseURL != "sqlite://data/chaffer.db" ||
		c.JWTSecret != DevelopmentSecret || c.PresenceWait != time.Second || c.PresenceGrace != 5*time.Second ||
		!c.VendorMayOpenChats || c.LimitSendsPerMinute != 120 || c.LimitConnectionsPerIP != 1000 {
		t.Errorf("unexpected defaults:\n%v", c)
	}
}

func TestValuesAreRead(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret")
	want := strings.Repeat("s", 40)
	if err := os.WriteFile(secret, []byte(want+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(from(map[string]string{
		"APP_ENV": "production", "JWT_SECRET_FILE": secret, "PORT": " 8080 ", "REDIS_URL": "",
		"USER_TYPE_MAP": "Seller:vendor, buyer:Customer", "ALLOWED_ORIGINS": "https://a.example, https://b.example:8443",
		"TRUSTED_PROXIES": "10.1.2.3/8, 192.0.2.7", "PRESENCE_GRACE": "0s", "VENDOR_MAY_OPEN_CHATS": "false",
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.JWTSecret != want || c.Port != 8080 || c.Host != "0.0.0.0" || c.PresenceGrace != 0 || c.VendorMayOpenChats {
		t.Errorf("unexpected: %v", c)
	}
	if got := fmt.Sprint(c.UserTypeMap, c.AllowedOrigins, c.TrustedProxies); got !=
		"map[buyer:customer seller:vendor] [https://a.example https://b.example:8443] [10.0.0.0/8 192.0.2.7/32]" {
		t.Errorf("lists: %s", got)
	}
}

func TestMistakesAreToldAllAtOnce(t *testing.T) {
	_, err := Load(from(map[string]string{
		"APP_ENV": "prod", "PORT": "http", "PRESENCE_WAIT": "soon", "LIMIT_SENDS_PER_SECOND": "-1", "DIALECTS": "klingon",
		"JWT_SECRET": "abc", "JWKS_URL": "ftp://x", "JWT_SECRET_FILE": "/none", "DATABASE_URL": "mysql://root:hunter2@h/x",
		"TRUSTED_PROXIES": "everyone", "USER_TYPE_MAP": "seller:boss", "ALLOWED_ORIGINS": "shop.example", "METRICS_ADDR": "9090",
		"REDIS_URL": "localhost:6379", "JWT_PUBLIC_KEY": "not pem", "COMMIT_LANES": "17",
	}))
	var m Mistakes
	if !errors.As(err, &m) {
		t.Fatalf("expected Mistakes, got %v", err)
	}
	for _, key := range []string{"APP_ENV", "PORT", "PRESENCE_WAIT", "LIMIT_SENDS_PER_SECOND", "DIALECTS", "JWT_SECRET and JWT_SECRET_FILE",
		"JWKS_URL", "DATABASE_URL", "TRUSTED_PROXIES", "USER_TYPE_MAP", "ALLOWED_ORIGINS", "METRICS_ADDR", "REDIS_URL", "JWT_PUBLIC_KEY", "COMMIT_LANES"} {
		n := 0
		for _, s := range m {
			if strings.HasPrefix(s, key+" ") {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s is told %d times, expected once", key, n)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Error("a password is repeated in a mistake")
	}
	if want := `PORT is "http": expected a port from 0 to 65535, 0 for any free one, for example PORT=3000.`; !strings.Contains(err.Error(), want) {
		t.Errorf("expected the sentence %s in:\n%v", want, err)
	}
}

func TestProductionRefuses(t *testing.T) {
	good := strings.Repeat("k", 32)
	for name, c := range map[string]struct{ key, value, want string }{
		"no key":               {"JWT_SECRET", "", "JWT_SECRET is not set"},
		"the public secret":    {"JWT_SECRET", DevelopmentSecret, "everybody knows"},
		"a short secret":       {"JWT_SECRET", good[1:], "JWT_SECRET has 31 bytes"},
		"two kinds of key":     {"JWKS_URL", "https://a.example/jwks", "expected exactly one"},
		"any origin":           {"ALLOWED_ORIGINS", "https://a.example,*", "ALLOWED_ORIGINS"},
		"sqlite unsynced":      {"DATABASE_URL", "sqlite://x.db?_pragma=synchronous(OFF)", "durability"},
		"postgres unsynced":    {"DATABASE_URL", "postgres://u@localhost/x?options=-c%20synchronous_commit%3Doff", "durability"},
		"postgres in clear":    {"DATABASE_URL", "postgres://u:p@db.example/x?sslmode=disable", "sslmode"},
		"redis for everyone":   {"REDIS_URL", "redis://cache.example:6379", "no password"},
		"a short bus secret":   {"BUS_SECRET", "short", "BUS_SECRET has 5 bytes"},
		"a short service key":  {"SERVICE_TOKENS", good + ",short", "number 2"},
		"the library's printf": {"DEBUG", "*", "DEBUG is set"},
		"keys over http":       {"JWKS_URL", "http://a.example/jwks", "JWKS_URL is"},
	} {
		t.Run(name, func(t *testing.T) {
			env := map[string]string{"APP_ENV": "production", "JWT_SECRET": good}
			if _, err := Load(from(env)); err != nil {
				t.Fatalf("the base settings are refused: %v", err)
			}
			env[c.key] = c.value
			_, err := Load(from(env))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("expected a refusal with %q, got %v", c.want, err)
			}
		})
	}
}

func TestSeveralNodesNeedASecretBetweenThem(t *testing.T) {
	env := map[string]string{"APP_ENV": "production", "JWKS_URL": "https://a.example/jwks", "REDIS_URL": "redis://127.0.0.1:6379"}
	if _, err := Load(from(env)); err == nil || !strings.Contains(err.Error(), "BUS_SECRET is not set") {
		t.Errorf("without any shared secret: %v", err)
	}
	env["BUS_SECRET"], env["MEDIA_SECRET"] = strings.Repeat("k", 32), strings.Repeat("m", 32)
	if _, err := Load(from(env)); err != nil {
		t.Error(err)
	}
}

func TestProductionAcceptsWhatStaysOnTheMachine(t *testing.T) {
	_, err := Load(from(map[string]string{
		"APP_ENV": "production", "JWT_SECRET": strings.Repeat("k", 32), "REDIS_URL": "redis://127.0.0.1:6379",
		"DATABASE_URL": "postgres://u@localhost/x?sslmode=disable",
	}))
	if err != nil {
		t.Error(err)
	}
}

func TestListingMasksSecrets(t *testing.T) {
	canary := "canary-0123456789-0123456789-0123456789"
	c, err := Load(from(map[string]string{
		"JWT_SECRET": canary, "SERVICE_TOKENS": canary, "REDIS_URL": "redis://u:" + canary + "@h",
		"DATABASE_URL": "postgres://u:" + canary + "@h/x?password=" + canary,
	}))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if s := fmt.Sprintf(verb, c); strings.Contains(s, canary) || !strings.Contains(s, "PORT=3000") {
			t.Errorf("%s prints %s", verb, s)
		}
	}
}

// .env.example is held to the struct: every setting once, with its default, and nothing else.
func TestExampleFileIsComplete(t *testing.T) {
	b, err := os.ReadFile("../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	inFile := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^#?([A-Z][A-Z0-9_]+)=(.*)$`).FindAllStringSubmatch(string(b), -1) {
		if _, twice := inFile[m[1]]; twice {
			t.Errorf("%s is there twice", m[1])
		}
		inFile[m[1]] = m[2]
	}
	for _, f := range fields() {
		got, ok := inFile[f.key]
		if !ok {
			t.Errorf("%s is missing", f.key)
		} else if got != f.def {
			t.Errorf("%s=%s, but the default is %q", f.key, got, f.def)
		}
		delete(inFile, f.key)
	}
	for key := range inFile {
		t.Errorf("%s is in the file, but there is no such setting", key)
	}
}

func TestOriginAllowed(t *testing.T) {
	prod := Config{AppEnv: "production", AllowedOrigins: []string{"https://shop.example"}}
	dev := Config{AppEnv: "development"}
	for _, c := range []struct {
		cfg    Config
		origin string
		want   bool
	}{
		{prod, "https://shop.example", true}, {prod, "", true}, {prod, "https://chat.example", true},
		{prod, "https://evil.example", false}, {prod, "null", false}, {prod, "https://shop.example.evil.com", false},
		{prod, "https://shop.example:444", false}, {prod, "HTTPS://EVIL.EXAMPLE", false}, {prod, "http://localhost:5173", false},
		{prod, "https://chat.example@evil.example", false}, {prod, "https://shop.example/", false},
		{dev, "http://localhost:5173", true}, {dev, "http://127.0.0.1", true}, {dev, "https://evil.example", false},
		{Config{AllowedOrigins: []string{"*"}}, "https://evil.example", true},
	} {
		if got := c.cfg.OriginAllowed(c.origin, "chat.example"); got != c.want {
			t.Errorf("OriginAllowed(%q) in %q is %v", c.origin, c.cfg.AppEnv, got)
		}
	}
}
