// Package httpjson is the only code that writes a REST body: the envelope for a success, and for
// a failure the envelope that is at the same time problem details as RFC 9457 defines them.
package httpjson

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/apperr"
	"chaffer/internal/wire"
)

// ProblemType is the content type of every failure.
const ProblemType = "application/problem+json"

// Problem is a failure as a REST client sees it: the service's own envelope, whose keys are the
// extension members of a problem document.
type Problem struct {
	wire.Failure
	Type     string   `json:"type" doc:"Always about:blank: the status says what kind of failure it is."`
	Title    string   `json:"title" doc:"The name of the status."`
	Status   int      `json:"status" doc:"The same as statusCode."`
	Detail   string   `json:"detail" doc:"The same as message."`
	Instance string   `json:"instance,omitempty" doc:"The request, for a report to the operator."`
	Errors   []Detail `json:"errors,omitempty" doc:"What is wrong with which part of the request."`
}

// Detail is one wrong part of a request. The value itself is not repeated.
type Detail struct {
	Location string `json:"location,omitempty" doc:"Such as body.price or query.limit."`
	Message  string `json:"message"`
}

// NewProblem renders err as a client may see it.
func NewProblem(err error) *Problem {
	var p *Problem
	if errors.As(err, &p) {
		return p
	}
	f := wire.Fail(err, "")
	return &Problem{Failure: f, Type: "about:blank", Title: http.StatusText(f.StatusCode), Status: f.StatusCode, Detail: f.Message}
}

// Error makes a Problem an error, as huma wants it.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is what huma sends a Problem as.
func (p *Problem) ContentType(string) string { return ProblemType }

// GetHeaders are what the status asks for beside the body.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{"Cache-Control": {"no-store"}}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	if p.RetryAfterMs > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(float64(p.RetryAfterMs)/1000))))
	}
	return h
}

// Write sends v with the given status.
func Write(w http.ResponseWriter, status int, v any) {
	write(w, status, "application/json", v)
}

// Error sends err as a problem, and logs it when it is a defect of ours or an outage.
func Error(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	p := NewProblem(err)
	report(r, log, p, err)
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	write(w, p.Status, ProblemType, p)
}

// NotFound answers a path without a route.
func NotFound(w http.ResponseWriter, r *http.Request) {
	Error(w, r, nil, apperr.New(apperr.NotFound, "There is nothing at this address"))
}

// report gives a defect of ours or an outage a name, in the answer and in the log.
func report(r *http.Request, log *slog.Logger, p *Problem, err error) {
	if p.Status < http.StatusInternalServerError {
		return
	}
	id := rand.Text() // only a failure needs one: it leads from what a person was told to the log
	p.Instance = "urn:request:" + id
	if log != nil {
		log.ErrorContext(r.Context(), "A request failed", "req", id, "method", r.Method, "path", r.URL.Path, "status", p.Status, "err", err)
	}
}

func write(w http.ResponseWriter, status int, contentType string, v any) {
	b, err := json.Marshal(v)
	if err != nil { // only a defect gets here: every value we write is ours
		status, contentType = http.StatusInternalServerError, ProblemType
		b, _ = json.Marshal(NewProblem(err))
	}
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

var _ huma.StatusError = (*Problem)(nil)
