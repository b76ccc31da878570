package apidoc

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/realtime"
)

func TestPageIsServedWithoutAnybodyElse(t *testing.T) {
	r := chi.NewRouter()
	if err := Mount(r, []byte(`{"openapi":"3.1.0"}`), []byte(`{"asyncapi":"3.0.0"}`)); err != nil {
		t.Fatal(err)
	}
	get := func(path string, header ...string) *httptest.ResponseRecorder {
		req := httptest.NewRequest(http.MethodGet, path, nil)
		for i := 0; i+1 < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, req)
		return w
	}
	if w := get("/docs"); w.Code != 301 || w.Header().Get("Location") != "/docs/" {
		t.Errorf("/docs: %d %v", w.Code, w.Header())
	}
	for path, c := range map[string]struct{ contentType, holds string }{
		"/openapi.json":              {"application/json", "3.1.0"},
		"/asyncapi.json":             {"application/json", "3.0.0"},
		"/docs/":                     {"text/html; charset=utf-8", `src="page.js"`},
		"/docs/page.js":              {"text/javascript; charset=utf-8", "../openapi.json"},
		"/docs/swagger-ui-bundle.js": {"text/javascript; charset=utf-8", "SwaggerUIBundle"},
		"/docs/swagger-ui.css":       {"text/css; charset=utf-8", ".swagger-ui"},
	} {
		w := get(path)
		if w.Code != 200 || w.Header().Get("Content-Type") != c.contentType || !strings.Contains(w.Body.String(), c.holds) {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "script-src 'self' 'unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: its policy is %q", path, policy)
		}
		plain := w.Body.String()
		w = get(path, "Accept-Encoding", "gzip, br")
		if w.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(w.Body)
			if err != nil {
				t.Fatal(err)
			}
			if b, err := io.ReadAll(z); err != nil || string(b) != plain {
				t.Errorf("%s: gzipped it is another file (%v)", path, err)
			}
		} else if strings.Contains(path, "swagger-ui") {
			t.Errorf("%s is not gzipped", path)
		}
		if w := get(path, "If-None-Match", w.Header().Get("ETag")); w.Code != 304 || w.Body.Len() != 0 {
			t.Errorf("%s: asked again it is %d with %d bytes", path, w.Code, w.Body.Len())
		}
	}
	page := get("/docs/").Body.String()
	for _, foreign := range []string{"http://", "https://", "//cdn", "<script>", "onload="} {
		if strings.Contains(page, foreign) {
			t.Errorf("the page holds %q", foreign)
		}
	}
}

type hello struct {
	Name string `json:"name" doc:"Who it is."`
}

func TestEventsBecomeOperations(t *testing.T) {
	events := []realtime.EventInfo{
		{Name: "greet", Doc: "Greets.", Answer: "greeted", Request: reflect.TypeFor[hello](), Reply: reflect.TypeFor[hello]()},
		{Name: "greeted", Doc: "A greeting.", FromServer: true, Reply: reflect.TypeFor[hello]()},
		{Name: "ping", Doc: "Nothing.", Request: reflect.TypeFor[struct{}](), Reply: reflect.TypeFor[any]()},
	}
	b, err := AsyncAPI(Info{Title: "t", Version: "1"}, []Channel{{Name: "c", Address: "/c", Events: events}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"address": "/c"`, `"c_receive_greet"`, `"c_send_greeted"`, `"$ref": "#/channels/c/messages/ack_greet"`,
		`"$ref": "#/components/schemas/Hello"`, `"description": "Who it is."`, `also comes as the event greeted`, `"Failure"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("the document lacks %s", want)
		}
	}
	if _, err := AsyncAPI(Info{}, []Channel{{Name: "c", Events: append(events, events[0])}}); err == nil {
		t.Error("an event that is declared twice must be refused")
	}
}
