package realtime

import (
	"log/slog"
	"net/http"
	"time"

	"chaffer/internal/auth"
)

// Limits bound what clients may do; 0 switches a limit off.
type Limits struct {
	PacketsPerSecond       int // of one connection; over it the connection is slowed down, after 5 s of that it is cut
	SocketsPerUser         int // connections of one user in one namespace
	ConnectsPerMinutePerIP int // handshakes
	ConnectionsPerIP       int // open at a time
	FailuresPerMinutePerIP int // refused tokens, after which the address gets 429 until the minute is over
}

// Options are what a Server needs.
type Options struct {
	Verifier       auth.Verifier
	AllowOrigin    func(origin, host string) bool // pages let in besides AllowedOrigins and this host's own; nil: none
	Cookies        bool                           // keep the cookies of handshakes for Hooks.Authenticate
	AllowedOrigins []string                       // exact, such as "https://shop.example"; "*" lets every page in, without credentials
	ClientIP       func(*http.Request) string     // resolves trusted proxies; nil: the host of RemoteAddr
	Limits         Limits
	PingInterval   time.Duration // 0: 20 s
	PingTimeout    time.Duration // 0: 25 s; made longer than PingInterval if it is not
	Log            *slog.Logger  // nil: discarded
}

const (
	defaultPingInterval = 20 * time.Second
	defaultPingTimeout  = 25 * time.Second
)

func (o Options) withDefaults() Options {
	if o.PingInterval <= 0 {
		o.PingInterval = defaultPingInterval
	}
	if o.PingTimeout <= 0 {
		o.PingTimeout = defaultPingTimeout
	}
	// The library starts the timeout after the ping was written; an answer that is faster leaves
	// it running until the next answer. Shorter than an interval it would cut healthy clients.
	if o.PingTimeout <= o.PingInterval {
		o.PingTimeout = o.PingInterval + o.PingInterval/4
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
