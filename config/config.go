// Package config reads the settings of a node from its environment. Load collects every
// mistake and tells them all at once, each in a sentence with what was expected, what was
// got and an example.
package config

import (
	"net/netip"
	"time"
)

// DevelopmentSecret signs tokens when nothing else is set. It is public, so production refuses it.
const DevelopmentSecret = "chaffer-development-secret-not-for-production"

// Config is every setting of a node. The tags are read by Load (env, envDefault), by the
// sentences that explain a mistake (want, example) and by the masked listing (secret).
type Config struct {
	AppEnv string `env:"APP_ENV" envDefault:"development" want:"development or production" example:"production"`
	Host   string `env:"HOST" want:"an address to listen on" example:"0.0.0.0"` // 127.0.0.1 in development, else 0.0.0.0
	Port   int    `env:"PORT" envDefault:"3000" want:"a port from 0 to 65535, 0 for any free one" example:"3000"`

	DatabaseURL string `env:"DATABASE_URL" envDefault:"sqlite://data/chaffer.db" want:"sqlite://path or postgres://user:password@host:5432/name" example:"sqlite://data/chaffer.db" secret:"url"`
	RedisURL    string `env:"REDIS_URL" want:"redis:// or rediss:// and a host" example:"redis://127.0.0.1:6379/0" secret:"url"` // "": one node, in memory
	BusSecret   string `env:"BUS_SECRET" want:"at least 32 random bytes" example:"$(openssl rand -hex 32)" secret:"all"`         // seals what nodes tell each other; "": derived from JWT_SECRET

	// Exactly one of the three says who signs tokens. With none, development uses DevelopmentSecret.
	JWTSecret string `env:"JWT_SECRET" want:"at least 32 random bytes" example:"$(openssl rand -hex 32)" secret:"all"` // HS256
	// The secret of before, still accepted while tokens signed with it live.
	JWTPreviousSecret string `env:"JWT_PREVIOUS_SECRET" want:"the JWT_SECRET of before, at least 32 bytes" example:"" secret:"all"`
	JWTPublicKey      string `env:"JWT_PUBLIC_KEY" want:"a PEM public key, line ends may be written \\n" example:"@file through JWT_PUBLIC_KEY_FILE=/run/secrets/jwt.pem" secret:"all"`
	JWKSURL           string `env:"JWKS_URL" want:"the https address of a JSON Web Key Set" example:"https://shop.example.com/.well-known/jwks.json"`

	JWTIssuer    string            `env:"JWT_ISSUER" want:"the iss that tokens must carry" example:"https://shop.example.com"`
	JWTAudience  string            `env:"JWT_AUDIENCE" want:"the aud that tokens must carry" example:"chaffer"`
	JWTClaimID   string            `env:"JWT_CLAIM_ID" want:"the name of the claim with the user's id" example:"userId"`       // "": userId, id or sub
	JWTClaimType string            `env:"JWT_CLAIM_TYPE" want:"the name of the claim with the user's type" example:"userType"` // "": userType or role
	UserTypeMap  map[string]string `env:"USER_TYPE_MAP" want:"pairs of your word and customer, vendor or admin" example:"seller:vendor,buyer:customer"`

	ServiceTokens  []string       `env:"SERVICE_TOKENS" want:"tokens of at least 32 characters without spaces, separated by commas" example:"$(openssl rand -hex 32)" secret:"all"`
	AllowedOrigins []string       `env:"ALLOWED_ORIGINS" want:"origins separated by commas, each a scheme, a host and perhaps a port, or * in development" example:"https://shop.example.com"`
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" want:"addresses or networks separated by commas" example:"10.0.0.0/8,192.0.2.7"`

	// Pictures. With S3_BUCKET they are kept there, else in UPLOAD_DIR.
	UploadDir   string `env:"UPLOAD_DIR" envDefault:"data/uploads" want:"a folder that this process may write" example:"data/uploads"`
	S3Endpoint  string `env:"S3_ENDPOINT" want:"the https address of an S3-compatible store" example:"https://s3.eu-central-1.amazonaws.com"`
	S3Bucket    string `env:"S3_BUCKET" want:"the name of a private bucket" example:"chaffer-pictures"`
	S3Region    string `env:"S3_REGION" want:"the bucket's region" example:"eu-central-1"`
	S3AccessKey string `env:"S3_ACCESS_KEY" want:"the store's access key" example:"AKIA…" secret:"all"`
	S3SecretKey string `env:"S3_SECRET_KEY" want:"the store's secret key" example:"@file through S3_SECRET_KEY_FILE=/run/secrets/s3" secret:"all"`
	MediaSecret string `env:"MEDIA_SECRET" want:"at least 32 random bytes, the same on every node" example:"$(openssl rand -hex 32)" secret:"all"` // "": derived from JWT_SECRET
	MediaURL    string `env:"MEDIA_URL" want:"the https address under which clients reach this service" example:"https://chat.example.com"`        // "": addresses of pictures are relative

	RetentionDays int `env:"RETENTION_DAYS" envDefault:"0" want:"a whole number of days from 0, 0 for ever" example:"365"`

	PresenceWait       time.Duration `env:"PRESENCE_WAIT" envDefault:"1s" want:"how long /chat waits for /presence, from 0s to 30s" example:"1s"`
	PresenceGrace      time.Duration `env:"PRESENCE_GRACE" envDefault:"5s" want:"how long a person stays online after the last socket, from 0s to 60s" example:"5s"`
	ShutdownDelay      time.Duration `env:"SHUTDOWN_DELAY" envDefault:"0s" want:"how long a node that ends still serves while it says that it is not ready, from 0s to 60s" example:"5s"`
	CommitLanes        int           `env:"COMMIT_LANES" envDefault:"0" want:"a whole number from 0 to 16, 0 for 1 with SQLite and 2 with Postgres" example:"4"`
	VendorMayOpenChats bool          `env:"VENDOR_MAY_OPEN_CHATS" envDefault:"true" want:"true or false" example:"true"`
	Dialects           []string      `env:"DIALECTS" want:"names of other contracts to speak, separated by commas" example:"oneonone,expresschat,nestchat,messaging"`
	SMTPHost           string        `env:"SMTP_HOST" want:"the name of a mail server" example:"smtp.example.com"` // "": development prints mails
	SMTPPort           int           `env:"SMTP_PORT" envDefault:"587" want:"a port from 1 to 65535" example:"587"`
	SMTPUser           string        `env:"SMTP_USER" want:"the user at the mail server" example:"chaffer"`
	SMTPPassword       string        `env:"SMTP_PASSWORD" want:"the password at the mail server" example:"@file through SMTP_PASSWORD_FILE=/run/secrets/smtp" secret:"all"`
	SMTPFrom           string        `env:"SMTP_FROM" want:"the address mails come from" example:"chat@example.com"`
	MetricsAddr        string        `env:"METRICS_ADDR" want:"an address and a port, for /metrics and pprof" example:"127.0.0.1:9090"` // "": not served

	// Limits; 0 turns one off.
	LimitSendsPerSecond         int `env:"LIMIT_SENDS_PER_SECOND" envDefault:"10" want:"a whole number from 0" example:"10"`             // a user, all sockets and nodes
	LimitSendsPerMinute         int `env:"LIMIT_SENDS_PER_MINUTE" envDefault:"120" want:"a whole number from 0" example:"120"`           // a user, all sockets and nodes
	LimitPacketsPerSecond       int `env:"LIMIT_PACKETS_PER_SECOND" envDefault:"50" want:"a whole number from 0" example:"50"`           // a connection
	LimitNewChatsPerHour        int `env:"LIMIT_NEW_CHATS_PER_HOUR" envDefault:"20" want:"a whole number from 0" example:"20"`           // a customer
	LimitSocketsPerUser         int `env:"LIMIT_SOCKETS_PER_USER" envDefault:"20" want:"a whole number from 0" example:"20"`             // open at once
	LimitConnectsPerMinutePerIP int `env:"LIMIT_CONNECTS_PER_MINUTE_PER_IP" envDefault:"300" want:"a whole number from 0" example:"300"` // new ones
	LimitFailuresPerMinutePerIP int `env:"LIMIT_FAILURES_PER_MINUTE_PER_IP" envDefault:"10" want:"a whole number from 0" example:"10"`   // refused tokens
	LimitUploadsPerDay          int `env:"LIMIT_UPLOADS_PER_DAY" envDefault:"100" want:"a whole number from 0" example:"100"`            // a user
	LimitConnectionsPerIP       int `env:"LIMIT_CONNECTIONS_PER_IP" envDefault:"1000" want:"a whole number from 0" example:"1000"`       // open at once
}

// Production reports whether this node serves real people: no demo, no token minting, strict settings.
func (c Config) Production() bool { return c.AppEnv == "production" }
