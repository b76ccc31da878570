// Package apperr is the only vocabulary of failure. A layer that knows the fact decides the
// code and the sentence a person reads; every layer above adds context with %w; the edge
// (a socket or a route) calls Describe and logs once.
package apperr

import (
	"context"
	"errors"
	"time"
)

// Code is the class of a failure. Its number is the HTTP status, and appError.statusCode.
type Code int

const (
	Invalid      Code = 400 // the request itself is wrong; repeating it will not help
	Unauthorized Code = 401 // no valid token
	Forbidden    Code = 403 // known, but not allowed
	NotFound     Code = 404 // not there, or not yours: the two look the same
	NotAllowed   Code = 405 // the route exists, this method does not
	Conflict     Code = 409 // the key was used for other content
	TooLarge     Code = 413 // over a size limit
	Unsupported  Code = 415 // a media type that is not accepted
	TooMany      Code = 429 // over a rate limit; RetryAfter says when to come back
	Internal     Code = 500 // a defect of ours
	Unavailable  Code = 503 // the database cannot answer now; retry with the same key
	Full         Code = 507 // no room left to store a picture; messages still work
)

// Error is a failure whose Message may be shown to a person.
type Error struct {
	Code       Code
	Message    string        // one sentence: what was wrong and what to do; no driver text
	RetryAfter time.Duration // 0: not said
	cause      error
}

func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap gives the cause, for errors.Is and the log; it is never shown to a client.
func (e *Error) Unwrap() error { return e.cause }

// New returns an error with a public sentence.
func New(code Code, message string) *Error { return &Error{Code: code, Message: message} }

// Wrap returns an error with a public sentence and a private cause.
func Wrap(code Code, message string, cause error) *Error {
	return &Error{Code: code, Message: message, cause: cause}
}

// Later returns a 429 that says when the caller may try again.
func Later(message string, after time.Duration) *Error {
	return &Error{Code: TooMany, Message: message, RetryAfter: after}
}

// Public is what a client may know of a failure.
type Public struct {
	Status     int
	Message    string
	Retryable  bool          // the same request, with the same key, may succeed later
	RetryAfter time.Duration // 0: not said
}

// Describe turns any error into what a client may know. An error without a code of ours is a
// 500 whose text is fixed; a deadline or a cancelled context is a 503.
func Describe(err error) Public {
	var e *Error
	switch {
	case errors.As(err, &e):
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		e = New(Unavailable, "The service did not answer in time, please try again")
	default:
		e = New(Internal, "Something went wrong on our side")
	}
	return Public{
		Status:     int(e.Code),
		Message:    e.Message,
		Retryable:  e.Code == Unavailable || e.Code == TooMany,
		RetryAfter: e.RetryAfter,
	}
}

// Is reports whether err carries the given code.
func Is(err error, code Code) bool {
	var e *Error
	return errors.As(err, &e) && e.Code == code
}
