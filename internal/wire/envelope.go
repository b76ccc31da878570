// Package wire holds what every JSON answer is made of: the envelope, ids, times and prices.
// The shapes of a feature live in its own wire.go.
package wire

import (
	"time"

	"chaffer/internal/apperr"
)

// Envelope is every successful answer: {error:false, message, statusCode, data}.
type Envelope[T any] struct {
	Error      bool   `json:"error" doc:"Always false in a success."`
	Message    string `json:"message"`
	StatusCode int    `json:"statusCode"`
	Data       T      `json:"data"`
}

// Page is an Envelope around a list that may go on.
type Page[T any] struct {
	Error      bool   `json:"error" doc:"Always false in a success."`
	Message    string `json:"message"`
	StatusCode int    `json:"statusCode"`
	Data       []T    `json:"data"`
	NextCursor string `json:"nextCursor,omitempty" doc:"Pass it as cursor to get the next page; absent on the last one."`
	HasMore    bool   `json:"hasMore"`
}

// Note is an answer without data.
type Note struct {
	Error      bool   `json:"error" doc:"Always false in a success."`
	Message    string `json:"message"`
	StatusCode int    `json:"statusCode"`
}

// Failure is every refusal, as appError, in an acknowledgement and as a REST body.
type Failure struct {
	Error        bool   `json:"error" doc:"Always true in a failure."`
	Message      string `json:"message" doc:"One sentence: what was wrong and what to do."`
	StatusCode   int    `json:"statusCode"`
	Event        string `json:"event,omitempty" doc:"The client event that failed."`
	Retryable    bool   `json:"retryable,omitempty" doc:"The same request with the same key may succeed later."`
	RetryAfterMs int64  `json:"retryAfterMs,omitempty" doc:"Milliseconds to wait before trying again."`
}

// OK wraps data in a 200 envelope.
func OK[T any](message string, data T) Envelope[T] {
	return Envelope[T]{Message: message, StatusCode: 200, Data: data}
}

// Fail renders err as a client may see it; event is the client event it answers, or "".
func Fail(err error, event string) Failure {
	p := apperr.Describe(err)
	return Failure{
		Error: true, Message: p.Message, StatusCode: p.Status, Event: event,
		Retryable: p.Retryable, RetryAfterMs: (p.RetryAfter + time.Millisecond - 1).Milliseconds(), // rounded up: earlier is refused again
	}
}
