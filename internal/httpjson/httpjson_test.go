package httpjson

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/wire"
)

type card struct {
	Name  string     `json:"name" maxLength:"5"`
	Price wire.Price `json:"price,omitempty"`
	Owner wire.ID    `json:"owner,omitempty"`
}

type putCard struct {
	ID   string `path:"id"`
	Body card
}

type cardReply struct{ Body wire.Envelope[card] }

// testServer has one described route, as a feature's http.go would add it, and one plain one.
func testServer(t *testing.T) (*httptest.Server, *bytes.Buffer, *huma.OpenAPI) {
	t.Helper()
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	r := chi.NewRouter()
	r.NotFound(NotFound)
	r.MethodNotAllowed(MethodNotAllowed)
	spec := NewSpec("t", "1", "")
	Handle(NewAPI(r, spec, log), huma.Operation{OperationID: "put-card", Method: http.MethodPut, Path: "/cards/{id}", Errors: []int{404}},
		func(_ context.Context, in *putCard) (*cardReply, error) {
			switch in.ID {
			case "missing":
				return nil, apperr.New(apperr.NotFound, "Card was not found")
			case "busy":
				return nil, apperr.Later("Too many", 1500*time.Millisecond)
			case "broken":
				return nil, errors.New("pq: relation \"cards\" does not exist")
			}
			return &cardReply{wire.OK("Stored", in.Body)}, nil
		})
	r.Post("/plain", func(w http.ResponseWriter, r *http.Request) {
		var c card
		if err := Decode(w, r, &c); err != nil {
			Error(w, r, log, err)
			return
		}
		Write(w, 201, wire.OK("Stored", c))
	})
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return srv, &logged, spec
}

func call(t *testing.T, method, url, contentType, body string) (*http.Response, map[string]any) {
	t.Helper()
	req, _ := http.NewRequest(method, url, strings.NewReader(body))
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatalf("%s %s answers %d with %.200q, which is not JSON", method, url, res.StatusCode, b)
	}
	return res, got
}

// Every refusal, on a described route, on a plain one and on none, is envelope and problem at once.
func TestEveryFailureIsEnvelopeAndProblem(t *testing.T) {
	srv, logged, _ := testServer(t)
	const js = "application/json"
	big := `{"name":"` + strings.Repeat("a", MaxBody) + `"}`
	deep := strings.Repeat("[", 17) + strings.Repeat("]", 17)
	for name, c := range map[string]struct {
		method, path, contentType, body string
		status                          int
		says                            string
	}{
		"no route":             {"GET", "/none", "", "", 404, "nothing at this address"},
		"wrong method":         {"GET", "/cards/1", "", "", 405, "it answers PUT"},
		"ours":                 {"PUT", "/cards/missing", js, `{"name":"a"}`, 404, "Card was not found"},
		"too many":             {"PUT", "/cards/busy", js, `{"name":"a"}`, 429, "Too many"},
		"defect":               {"PUT", "/cards/broken", js, `{"name":"a"}`, 500, "Something went wrong on our side"},
		"huma: unknown field":  {"PUT", "/cards/1", js, `{"name":"a","role":"admin"}`, 400, "body.role"},
		"huma: too long":       {"PUT", "/cards/1", js, `{"name":"abcdef"}`, 400, "body.name"},
		"huma: not JSON":       {"PUT", "/cards/1", js, `{"name":`, 400, "body"},
		"huma: too large":      {"PUT", "/cards/1", js, big, 413, "larger than 65536"},
		"huma: no body":        {"PUT", "/cards/1", js, ``, 400, "required"},
		"huma: too deep":       {"PUT", "/cards/1", js, deep, 400, "deeper"},
		"huma: bad price":      {"PUT", "/cards/1", js, `{"name":"a","price":"1,5"}`, 400, "body"},
		"huma: bad id":         {"PUT", "/cards/1", js, `{"name":"a","owner":2.5}`, 400, "body"},
		"huma: unknown query":  {"PUT", "/cards/1?debug=1", js, `{"name":"a"}`, 400, "query.debug"},
		"plain: unknown field": {"POST", "/plain", js, `{"name":"a","role":"admin"}`, 400, `unknown field: "role"`},
		"plain: two values":    {"POST", "/plain", js, `{"name":"a"} {}`, 400, "more than one"},
		"plain: wrong type":    {"POST", "/plain", js, `{"name":1}`, 400, "field name cannot be a number"},
		"plain: not JSON":      {"POST", "/plain", js, `nope`, 400, "not valid JSON"},
		"plain: not UTF-8":     {"POST", "/plain", js, "{\"name\":\"\xff\"}", 400, "UTF-8"},
		"plain: too large":     {"POST", "/plain", js, big, 413, "larger than 65536"},
		"plain: a form":        {"POST", "/plain", "application/x-www-form-urlencoded", `name=a`, 415, "application/json"},
		"plain: too many keys": {"POST", "/plain", js, `{` + strings.Repeat(`"a":1,`, 64) + `"b":1}`, 400, "more than 64 keys"},
	} {
		t.Run(name, func(t *testing.T) {
			res, got := call(t, c.method, srv.URL+c.path, c.contentType, c.body)
			if res.StatusCode != c.status || res.Header.Get("Content-Type") != ProblemType {
				t.Fatalf("got %d %s: %v", res.StatusCode, res.Header.Get("Content-Type"), got)
			}
			message, _ := got["message"].(string)
			if !strings.Contains(message, c.says) {
				t.Errorf("message %q does not say %q", message, c.says)
			}
			if got["error"] != true || got["statusCode"] != float64(c.status) || got["status"] != float64(c.status) ||
				got["detail"] != message || got["title"] != http.StatusText(c.status) || got["type"] != "about:blank" {
				t.Errorf("not both envelope and problem: %v", got)
			}
			if c.status == 429 && (res.Header.Get("Retry-After") != "2" || got["retryAfterMs"] != 1500.0 || got["retryable"] != true) {
				t.Errorf("a 429 must say when to come back: %v %v", res.Header, got)
			}
			if c.status == 405 && res.Header.Get("Allow") != "PUT" {
				t.Errorf("a 405 must list the methods: %q", res.Header.Get("Allow"))
			}
		})
	}
	if s := logged.String(); strings.Count(s, "\n") != 1 || !strings.Contains(s, "relation") {
		t.Errorf("expected one line about the defect, got %q", s)
	}
}

func TestSuccess(t *testing.T) {
	srv, _, _ := testServer(t)
	for _, path := range []string{"/cards/1", "/plain"} {
		method := http.MethodPut
		if path == "/plain" {
			method = http.MethodPost
		}
		res, got := call(t, method, srv.URL+path, "application/json", `{"name":"abc","price":299.90,"owner":"2"}`)
		data, _ := got["data"].(map[string]any)
		if res.StatusCode/100 != 2 || got["error"] != false || data["price"] != "299.90" || data["owner"] != 2.0 {
			t.Errorf("%s answers %d %v", path, res.StatusCode, got)
		}
		if res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed", path)
		}
	}
}

func TestSpecTellsTheRealStatus(t *testing.T) {
	_, _, spec := testServer(t)
	responses := spec.Paths["/cards/{id}"].Put.Responses
	if responses["422"] != nil || responses["400"] == nil || responses["400"].Content[ProblemType] == nil {
		t.Errorf("the description must say 400 with %s, has %v", ProblemType, responses)
	}
}
