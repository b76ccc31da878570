// Package webui serves the pages people see: the storefront's widget, the vendor's inbox, the admin
// console and, in development, a shop to try them in. scripts/web builds them from web/ into dist.
package webui

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"
)

//go:embed dist
var dist embed.FS

// pagePolicy lets a page load what this service serves and ask this service. Pictures of products
// and people live wherever the shop keeps them.
const pagePolicy = "default-src 'self'; img-src 'self' https: data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// developmentPictures are pictures without TLS, as the demo data has them.
const developmentPictures = "; img-src 'self' http: https: data: blob:"

// where says at which address each file of dist is served.
var where = map[string]string{
	"widget.js": "/widget.js", "widget-texts.json": "/widget-texts.json", "client.js": "/client.js",
	"vendor.html": "/vendor", "vendor.js": "/assets/vendor.js", "vendor.css": "/assets/vendor.css",
	"admin.html": "/admin", "admin.js": "/assets/admin.js", "admin.css": "/assets/admin.css",
}

// demoWhere are the further addresses that exist in development only.
var demoWhere = map[string][]string{
	"demo.html": {"/demo/product/{id}", "/demo"}, "demo.js": {"/assets/demo.js"}, "demo.css": {"/assets/demo.css"},
	"vendor.html": {"/demo/vendor"},
}

var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".json": "application/json",
}

// Mount adds the pages. demo adds the shop to try them in, which production does not have. The error
// says that dist is not complete.
func Mount(r chi.Router, demo bool) error {
	policy := pagePolicy
	if demo {
		policy = strings.Replace(policy, "; img-src 'self' https: data: blob:", developmentPictures, 1)
	}
	for name, address := range where {
		f, err := open(name, policy)
		if err != nil {
			return err
		}
		r.Get(address, f.ServeHTTP)
		r.Head(address, f.ServeHTTP)
	}
	if !demo {
		return nil
	}
	for name, addresses := range demoWhere {
		f, err := open(name, policy)
		if err != nil {
			return err
		}
		for _, address := range addresses {
			r.Get(address, f.ServeHTTP)
			r.Head(address, f.ServeHTTP)
		}
	}
	return nil
}

// file is one file of dist. It is compressed when somebody first asks for it.
type file struct {
	contentType, etag, policy string
	plain                     []byte
	gzip                      func() []byte
	foreign                   bool // pages of other origins load it
}

func open(name, policy string) (*file, error) {
	b, err := dist.ReadFile("dist/" + name)
	if err != nil {
		return nil, fmt.Errorf("the pages are not complete, scripts/web builds them: %w", err)
	}
	sum := sha256.Sum256(b)
	return &file{
		contentType: types[path.Ext(name)], etag: `"` + hex.EncodeToString(sum[:16]) + `"`, policy: policy,
		plain: b, gzip: sync.OnceValue(func() []byte { return compress(b) }),
		foreign: strings.HasPrefix(name, "widget") || name == "client.js",
	}, nil
}

// ServeHTTP answers with the file, gzipped for who takes it, or with 304.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "no-cache") // kept, and asked for again: names are stable, content is not
	h.Set("ETag", f.etag)
	h.Set("Vary", "Accept-Encoding")
	h.Set("Content-Security-Policy", f.policy)
	if f.foreign {
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	if strings.Contains(r.Header.Get("If-None-Match"), f.etag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.gzip()
	}
	h.Set("Content-Length", fmt.Sprint(len(body)))
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a browser that has gone needs no answer
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(b) // a bytes.Buffer does not fail
	_ = w.Close()
	return out.Bytes()
}
