package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// checkProduction tells what is good enough for a laptop and not for real people.
func (c Config) checkProduction(skip map[string]bool) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	switch {
	case count(c.JWTSecret, c.JWTPublicKey, c.JWKSURL) == 0 && !skip["JWT_SECRET"]:
		say("JWT_SECRET is not set: expected one of JWT_SECRET, JWT_PUBLIC_KEY and JWKS_URL in production, for example JWT_SECRET=$(openssl rand -hex 32).")
	case c.JWTSecret == DevelopmentSecret:
		say("JWT_SECRET is the development secret, which everybody knows: expected your own in production, for example JWT_SECRET=$(openssl rand -hex 32).")
	case c.JWTSecret != "" && len(c.JWTSecret) < minSecretBytes:
		say("JWT_SECRET has %d bytes: expected at least %d in production, for example JWT_SECRET=$(openssl rand -hex 32).", len(c.JWTSecret), minSecretBytes)
	}
	if c.JWTPreviousSecret != "" && len(c.JWTPreviousSecret) < minSecretBytes {
		say("JWT_PREVIOUS_SECRET has %d bytes: expected at least %d in production, or to be left out.", len(c.JWTPreviousSecret), minSecretBytes)
	}
	if c.JWTSecret == "" && c.MediaSecret == "" && c.RedisURL != "" && !skip["MEDIA_SECRET"] {
		say("MEDIA_SECRET is not set: expected it with REDIS_URL when tokens are not signed with JWT_SECRET, because the nodes must agree on the addresses of pictures, for example MEDIA_SECRET=$(openssl rand -hex 32).")
	}
	switch {
	case c.BusSecret != "" && len(c.BusSecret) < minSecretBytes:
		say("BUS_SECRET has %d bytes: expected at least %d in production, for example BUS_SECRET=$(openssl rand -hex 32).", len(c.BusSecret), minSecretBytes)
	case c.BusSecret == "" && c.JWTSecret == "" && c.RedisURL != "" && !skip["BUS_SECRET"]:
		say("BUS_SECRET is not set: expected one in production with REDIS_URL and without JWT_SECRET, the same on all nodes, because it seals what they tell each other, for example BUS_SECRET=$(openssl rand -hex 32).")
	}
	for i, t := range c.ServiceTokens {
		if len(t) < minSecretBytes || strings.ContainsAny(t, " \t") {
			say("SERVICE_TOKENS holds a token (number %d) of %d bytes: expected at least %d without spaces in production, for example SERVICE_TOKENS=$(openssl rand -hex 32).", i+1, len(t), minSecretBytes)
		}
	}
	if slices.Contains(c.AllowedOrigins, "*") {
		say("ALLOWED_ORIGINS is \"*\": expected the origins of your shop in production, for example ALLOWED_ORIGINS=https://shop.example.com.")
	}
	if setting := durabilityOff(c.DatabaseURL); setting != "" {
		say("DATABASE_URL switches durability off with %s: expected it to be left out in production, because an acknowledged message must survive a power cut.", setting)
	}
	if u, err := url.Parse(c.DatabaseURL); err == nil && u.Query().Get("sslmode") == "disable" && !loopbackHost(postgresHost(u)) {
		say("DATABASE_URL has sslmode=disable for %s, which is not this machine: expected sslmode=verify-full or require in production.", postgresHost(u))
	}
	if u, err := url.Parse(c.RedisURL); err == nil && c.RedisURL != "" && !loopbackHost(u.Hostname()) {
		if pw, _ := u.User.Password(); pw == "" {
			say("REDIS_URL has no password for %s, which is not this machine: expected one in production, for example REDIS_URL=rediss://default:PASSWORD@redis.internal:6379/0.", u.Hostname())
		}
	}
	return out
}

func postgresHost(u *url.URL) string {
	if h := u.Hostname(); h != "" {
		return h
	}
	return u.Query().Get("host")
}

// durabilityOff returns the part of a database URL that lets a commit return before it is on
// the disk, or "". What the server itself is set to is seen when the database is opened.
func durabilityOff(databaseURL string) string {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return ""
	}
	for key, values := range u.Query() {
		for _, v := range values {
			text := strings.ToLower(key + "=" + v)
			squeezed := strings.NewReplacer(" ", "", "(", "=", ")", "", "'", "").Replace(text)
			for _, off := range []string{"synchronous_commit=off", "fsync=off", "synchronous=off", "synchronous=0", "synchronous=normal", "synchronous=1"} {
				if strings.Contains(squeezed, off) {
					return text
				}
			}
		}
	}
	return ""
}
