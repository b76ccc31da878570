package siotest

import (
	"net/http"
	"net/url"
)

// Option changes how a connection is opened.
type Option func(*settings)

type settings struct {
	query      url.Values
	header     http.Header
	silent     bool
	paused     bool
	upgrade    bool
	polling    bool
	readBuffer int
}

// WithHeader sends a request header, such as Origin, User-Agent or Authorization.
func WithHeader(key, value string) Option {
	return func(s *settings) { s.header.Set(key, value) }
}

// WithQuery sets a query parameter; "" removes it.
func WithQuery(key, value string) Option {
	return func(s *settings) {
		if value == "" {
			s.query.Del(key)
			return
		}
		s.query.Set(key, value)
	}
}

// WithoutHeartbeats leaves pings unanswered.
func WithoutHeartbeats() Option { return func(s *settings) { s.silent = true } }

// Paused opens the connection without reading what comes after the OPEN packet.
func Paused() Option { return func(s *settings) { s.paused = true } }

// Upgrading takes a long-polling session to this WebSocket: no OPEN packet is awaited, the test
// sends "2probe" and "5" with Raw.
func Upgrading(sid string) Option {
	return func(s *settings) {
		s.query.Set("sid", sid)
		s.upgrade = true
	}
}
