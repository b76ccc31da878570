package config

import (
	"net/url"
	"slices"
	"strings"
)

// OriginAllowed reports whether a browser page of this origin may talk to us; host is the Host
// header of the request. No origin at all is not a page (a backend, a phone app) and passes: nothing
// here is decided by a cookie. A page served by this host passes, and in development so does
// any page of this machine.
func (c Config) OriginAllowed(origin, host string) bool {
	if origin == "" || slices.Contains(c.AllowedOrigins, "*") || slices.Contains(c.AllowedOrigins, origin) {
		return true
	}
	if !isOrigin(origin) {
		return false
	}
	u, err := url.Parse(origin)
	if err != nil {
		return false
	}
	if strings.EqualFold(u.Host, host) {
		return true
	}
	return !c.Production() && loopbackHost(u.Hostname())
}
