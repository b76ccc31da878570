// Package apidoc shows what the service speaks: the OpenAPI document and a page to try it out,
// and the AsyncAPI document of the Socket.IO events.
package apidoc

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/go-chi/chi/v5"
)

// dist holds the assets of swagger-ui-dist, gzipped; scripts/swagger-ui refreshes them.
//
//go:embed dist page
var files embed.FS

// pagePolicy lets the page load what this service serves and ask this service, nothing else. The
// library writes style attributes, hence 'unsafe-inline' there; scripts have no such hole.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// asset is one file, ready to be served.
type asset struct {
	contentType  string
	plain, gzip  []byte
	etag         string
	cacheControl string
}

// Mount adds /openapi.json, /asyncapi.json and the page under /docs/. openapi and asyncapi are the
// documents; the error says that an embedded file is broken.
func Mount(r chi.Router, openapi, asyncapi []byte) error {
	serve := func(path string, a asset) { r.Get(path, a.ServeHTTP) }
	serve("/openapi.json", newAsset("application/json", openapi, nil))
	serve("/asyncapi.json", newAsset("application/json", asyncapi, nil))
	r.Get("/docs", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/docs/", http.StatusMovedPermanently)
	})
	for name, contentType := range map[string]string{
		"page/index.html": "text/html; charset=utf-8", "page/page.js": "text/javascript; charset=utf-8",
		"dist/swagger-ui-bundle.js.gz": "text/javascript; charset=utf-8", "dist/swagger-ui.css.gz": "text/css; charset=utf-8",
	} {
		b, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("read the API page: %w", err)
		}
		base, zipped := strings.CutSuffix(path.Base(name), ".gz")
		a := newAsset(contentType, b, nil)
		if zipped {
			plain, err := unzip(b)
			if err != nil {
				return fmt.Errorf("read %s of the API page: %w", name, err)
			}
			a = newAsset(contentType, plain, b)
		}
		serve("/docs/"+strings.TrimSuffix(base, "index.html"), a)
	}
	return nil
}

func newAsset(contentType string, plain, zipped []byte) asset {
	sum := sha256.Sum256(plain)
	return asset{
		contentType: contentType, plain: plain, gzip: zipped,
		etag: `"` + hex.EncodeToString(sum[:16]) + `"`, cacheControl: "no-cache", // asked for again, answered 304
	}
}

// ServeHTTP answers with the file, gzipped for who takes it, or with 304.
func (a asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", a.cacheControl)
	h.Set("ETag", a.etag)
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), a.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := a.plain
	if a.gzip != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.gzip
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if _, err := w.Write(body); err != nil {
		return // the browser has gone
	}
}

func unzip(b []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(r)
}
