package demo

import (
	"fmt"
	"hash/fnv"
	"html"
	"net/http"
	"strings"

	"github.com/go-chi/chi/v5"
)

// pictureSize is the width and height of every drawing, in pixels.
const pictureSize = 480

// shapes are drawn in white on the product's colour, in a box of 100 by 100.
var shapes = map[string]string{
	"headphones": `<path d="M22 62v-8a28 28 0 0 1 56 0v8" fill="none" stroke="#fff" stroke-width="6"/><rect x="16" y="56" width="14" height="24" rx="6"/><rect x="70" y="56" width="14" height="24" rx="6"/>`,
	"keyboard":   `<rect x="12" y="36" width="76" height="32" rx="5"/><g fill="#0003"><rect x="18" y="42" width="8" height="8"/><rect x="30" y="42" width="8" height="8"/><rect x="42" y="42" width="8" height="8"/><rect x="54" y="42" width="8" height="8"/><rect x="66" y="42" width="8" height="8"/><rect x="26" y="55" width="48" height="7"/></g>`,
	"box":        `<rect x="18" y="40" width="64" height="24" rx="6"/><g fill="#0004"><rect x="26" y="48" width="10" height="5"/><rect x="42" y="48" width="14" height="8"/><rect x="62" y="48" width="10" height="5"/></g>`,
	"blanket":    `<path d="M20 28h60v44q-10 8-20 0t-20 0-20 0z"/><g stroke="#0003" stroke-width="3"><path d="M20 40h60M20 52h60"/></g>`,
	"table":      `<rect x="16" y="34" width="68" height="8" rx="3"/><path d="M24 42h6l-4 36h-5zM70 42h6l3 36h-5z"/>`,
	"slippers":   `<ellipse cx="36" cy="54" rx="12" ry="24"/><ellipse cx="64" cy="54" rx="12" ry="24"/><g fill="#0003"><ellipse cx="36" cy="64" rx="7" ry="11"/><ellipse cx="64" cy="64" rx="7" ry="11"/></g>`,
	"lamp":       `<path d="M38 22h24l12 26H26z"/><rect x="47" y="48" width="6" height="26"/><rect x="32" y="74" width="36" height="6" rx="3"/>`,
	"plant":      `<path d="M50 62q-24-6-22-34 22 4 22 34zM50 58q2-28 26-32 2 26-26 32z"/><path d="M36 62h28l-5 20H41z"/>`,
	"notebook":   `<rect x="28" y="20" width="46" height="60" rx="4"/><path d="M36 20v60" stroke="#0003" stroke-width="3"/>`,
}

// Picture is the drawing of a product, as SVG; "" when there is no such product.
func Picture(productID string) string {
	for _, i := range items {
		if i.id == productID {
			return svg(i.colour, shapes[i.shape], i.name)
		}
	}
	return ""
}

// initial is a round sign with the first letter of a name.
func initial(name string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	colour := fmt.Sprintf("hsl(%d 45%% 40%%)", h.Sum32()%360)
	letter := `<text x="50" y="66" font-family="sans-serif" font-size="46" text-anchor="middle">` + html.EscapeString(string([]rune(name)[:1])) + `</text>`
	return svg(colour, letter, name)
}

func svg(colour, drawing, title string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 100 100"><title>%s</title><rect width="100" height="100" fill="%s"/><g fill="#fff">%s</g></svg>`,
		pictureSize, pictureSize, html.EscapeString(title), colour, drawing)
}

// Routes serves the drawings the demo data points at, and what the demo's storefront shows.
// Production does not mount it.
func Routes(r chi.Router) {
	r.Get("/demo/shop.json", serveShelf)
	r.Get("/demo/pictures/{name}.svg", func(w http.ResponseWriter, r *http.Request) {
		drawing := named(chi.URLParam(r, "name"))
		if drawing == "" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "image/svg+xml")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		_, _ = w.Write([]byte(drawing))
	})
}

func named(name string) string {
	kind, id, ok := strings.Cut(name, "-")
	if !ok {
		return Picture(name)
	}
	for _, p := range people {
		if p.ref.ID == id && (kind == "store") == (p.ref.Type == "vendor") && (kind == "store" || kind == "person") {
			return initial(p.name)
		}
	}
	return ""
}
