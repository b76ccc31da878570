package config

import (
	"encoding/pem"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"sort"
	"strings"
	"time"
)

// minSecretBytes is what HS256 needs (RFC 7518 §3.2).
const minSecretBytes = 32

// dialects are the names DIALECTS may hold.
var dialects = []string{"oneonone", "expresschat", "nestchat", "messaging"}

// fillIn sets what depends on another setting.
func (c *Config) fillIn() {
	if c.Host == "" {
		c.Host = "0.0.0.0"
		if c.AppEnv == "development" {
			c.Host = "127.0.0.1"
		}
	}
	if !c.Production() && c.JWTSecret == "" && c.JWTPublicKey == "" && c.JWKSURL == "" {
		c.JWTSecret = DevelopmentSecret
	}
	c.JWTPublicKey = strings.ReplaceAll(c.JWTPublicKey, `\n`, "\n")
}

// check tells everything that is wrong with values that could be read; skip names the
// settings about which a sentence exists already.
func (c Config) check(skip map[string]bool) []string {
	var out []string
	bad := func(key string, wrong bool) {
		if wrong && !skip[key] {
			f := fieldOf(key)
			out = append(out, f.mistake(display("", reflect.ValueOf(c).FieldByName(f.name))))
		}
	}
	bad("APP_ENV", c.AppEnv != "development" && c.AppEnv != "production")
	bad("HOST", strings.ContainsAny(c.Host, " /") || strings.Contains(c.Host, "://"))
	bad("PORT", c.Port < 0 || c.Port > 65535)
	bad("DATABASE_URL", !databaseURL(c.DatabaseURL))
	bad("REDIS_URL", c.RedisURL != "" && !hasHost(c.RedisURL, "redis", "rediss"))
	bad("JWKS_URL", c.JWKSURL != "" && !hasHost(c.JWKSURL, "https") && !(hasHost(c.JWKSURL, "http") && (!c.Production() || loopbackURL(c.JWKSURL))))
	if c.JWTPublicKey != "" {
		block, _ := pem.Decode([]byte(c.JWTPublicKey))
		bad("JWT_PUBLIC_KEY", block == nil)
	}
	for _, to := range c.UserTypeMap {
		if !slices.Contains([]string{"customer", "vendor", "admin"}, to) {
			bad("USER_TYPE_MAP", true)
			break
		}
	}
	bad("UPLOAD_DIR", c.UploadDir == "")
	bad("S3_ENDPOINT", c.S3Bucket != "" && !hasHost(c.S3Endpoint, "https") && !(hasHost(c.S3Endpoint, "http") && (!c.Production() || loopbackURL(c.S3Endpoint))))
	bad("MEDIA_URL", c.MediaURL != "" && !hasHost(c.MediaURL, "https") && !(hasHost(c.MediaURL, "http") && !c.Production()))
	bad("MEDIA_SECRET", c.MediaSecret != "" && len(c.MediaSecret) < minSecretBytes)
	bad("RETENTION_DAYS", c.RetentionDays < 0 || c.RetentionDays > 36500)
	bad("ALLOWED_ORIGINS", slices.ContainsFunc(c.AllowedOrigins, func(o string) bool { return o != "*" && !isOrigin(o) }))
	bad("PRESENCE_WAIT", c.PresenceWait < 0 || c.PresenceWait > 30*time.Second)
	bad("PRESENCE_GRACE", c.PresenceGrace < 0 || c.PresenceGrace > time.Minute)
	bad("SHUTDOWN_DELAY", c.ShutdownDelay < 0 || c.ShutdownDelay > time.Minute)
	bad("COMMIT_LANES", c.CommitLanes < 0 || c.CommitLanes > 16)
	if c.MetricsAddr != "" {
		_, port, err := net.SplitHostPort(c.MetricsAddr)
		bad("METRICS_ADDR", err != nil || port == "")
	}
	for _, d := range c.Dialects {
		if !slices.Contains(dialects, d) {
			known := "this build speaks none, leave it empty"
			if len(dialects) > 0 {
				known = "expected any of " + strings.Join(dialects, ", ")
			}
			out = append(out, fmt.Sprintf("DIALECTS names %q: %s.", d, known))
		}
	}
	bad("SMTP_PORT", c.SMTPPort < 1 || c.SMTPPort > 65535)
	bad("SMTP_FROM", c.SMTPHost != "" && !strings.Contains(c.SMTPFrom, "@"))
	if slices.Contains(c.Dialects, "expresschat") {
		if c.JWTSecret == "" {
			out = append(out, "DIALECTS names expresschat, which signs tokens for its own accounts: expected JWT_SECRET with it.")
		}
		if c.Production() && c.SMTPHost == "" {
			out = append(out, "DIALECTS names expresschat, which mails links: expected SMTP_HOST with it in production, for example SMTP_HOST=smtp.example.com.")
		}
	}
	for _, f := range fields() {
		if strings.HasPrefix(f.key, "LIMIT_") {
			bad(f.key, reflect.ValueOf(c).FieldByName(f.name).Int() < 0)
		}
	}
	if n := count(c.JWTSecret, c.JWTPublicKey, c.JWKSURL); n > 1 {
		out = append(out, fmt.Sprintf("%d of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL are set: expected exactly one, because two kinds of key would let one be passed off as the other.", n))
	}
	if c.Production() {
		out = append(out, c.checkProduction(skip)...)
	}
	return out
}

func fieldOf(key string) field {
	all := fields()
	return all[slices.IndexFunc(all, func(f field) bool { return f.key == key })]
}

func count(values ...string) int {
	n := 0
	for _, v := range values {
		if v != "" {
			n++
		}
	}
	return n
}

// databaseURL accepts sqlite://relative, sqlite:///absolute and postgres://host/name.
func databaseURL(s string) bool {
	if path, ok := strings.CutPrefix(s, "sqlite://"); ok {
		path, _, _ = strings.Cut(path, "?")
		return path != ""
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") &&
		(u.Host != "" || u.Query().Get("host") != "") && strings.Trim(u.Path, "/") != ""
}

func hasHost(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Hostname() != "" && slices.Contains(schemes, u.Scheme)
}

func loopbackURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && loopbackHost(u.Hostname())
}

// loopbackHost reports whether a host name stays on this machine; a Unix socket's directory does.
func loopbackHost(host string) bool {
	if host == "localhost" || strings.HasPrefix(host, "/") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// isOrigin accepts what a browser puts into Origin: a lower-case scheme and host, no path.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" &&
		s == u.Scheme+"://"+strings.ToLower(u.Host)
}

func sortedKeys(v reflect.Value) []string {
	keys := make([]string, 0, v.Len())
	for _, k := range v.MapKeys() {
		keys = append(keys, k.String())
	}
	sort.Strings(keys)
	return keys
}
