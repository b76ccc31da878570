package webui

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
)

func site(t *testing.T, demo bool) http.Handler {
	t.Helper()
	r := chi.NewRouter()
	if err := Mount(r, demo); err != nil {
		t.Fatal(err)
	}
	return r
}

func get(h http.Handler, path string, header ...string) *http.Response {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w.Result()
}

func TestPagesAreServed(t *testing.T) {
	development, production := site(t, true), site(t, false)
	for path, inProduction := range map[string]bool{
		"/widget.js": true, "/client.js": true, "/vendor": true, "/admin": true, "/assets/vendor.js": true, "/assets/admin.css": true,
		"/demo": false, "/demo/vendor": false, "/demo/product/12345": false, "/assets/demo.js": false,
	} {
		if res := get(development, path); res.StatusCode != 200 || res.ContentLength == 0 {
			t.Errorf("%s in development: %d", path, res.StatusCode)
		}
		want := 404
		if inProduction {
			want = 200
		}
		res := get(production, path)
		if res.StatusCode != want {
			t.Errorf("%s in production: expected %d, got %d", path, want, res.StatusCode)
		}
		if csp := res.Header.Get("Content-Security-Policy"); want == 200 && (strings.Contains(csp, "unsafe") || strings.Contains(csp, "http:") || !strings.HasPrefix(csp, "default-src 'self'")) {
			t.Errorf("%s in production has the policy %q", path, csp)
		}
	}
}

func TestFilesAreCompressedAndKept(t *testing.T) {
	h := site(t, false)
	plain := get(h, "/widget.js")
	want, _ := io.ReadAll(plain.Body)
	zipped := get(h, "/widget.js", "Accept-Encoding", "br, gzip")
	if zipped.Header.Get("Content-Encoding") != "gzip" || zipped.Header.Get("Vary") != "Accept-Encoding" {
		t.Fatalf("headers: %v", zipped.Header)
	}
	r, err := gzip.NewReader(zipped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != string(want) {
		t.Errorf("unzipped it is another file: %v", err)
	}
	again := get(h, "/widget.js", "If-None-Match", plain.Header.Get("ETag"))
	if b, _ := io.ReadAll(again.Body); again.StatusCode != 304 || len(b) > 0 {
		t.Errorf("asked for again: %d, %d bytes", again.StatusCode, len(b))
	}
	if plain.Header.Get("Access-Control-Allow-Origin") != "*" || get(h, "/vendor").Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("the widget is for pages of every shop, the inbox for nobody else's")
	}
}

// Nothing is loaded from anywhere else, and nothing in a page needs a hole in the policy.
func TestPagesLoadOnlyFromHere(t *testing.T) {
	for _, name := range []string{"vendor.html", "admin.html", "demo.html"} {
		b, err := dist.ReadFile("dist/" + name)
		if err != nil {
			t.Fatal(err)
		}
		page := string(b)
		for _, bad := range []string{"http://", "https://", "<style", " style=", "onclick", "<script>"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s contains %q", name, bad)
			}
		}
	}
}
