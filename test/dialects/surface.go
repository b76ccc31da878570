package dialects

import (
	"context"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"testing"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/dialect/expresschat"
	"chaffer/internal/dialect/messaging"
	"chaffer/internal/dialect/nestchat"
	"chaffer/internal/dialect/oneonone"
	"chaffer/internal/realtime"
)

// Row is one event a client may send or is sent, or one route.
type Row struct {
	Dialect    string
	Name       string // "send_message", or "POST /api/message"
	Route      bool
	FromServer bool
}

// Surface is everything the contracts have, read from the tables that bind their handlers: what is
// added there is here. folder is where the contracts' folders are; one that is unknown fails.
func Surface(tb testing.TB, folder string) []Row {
	tb.Helper()
	log := slog.New(slog.DiscardHandler)
	house := dialect.House{Chats: new(chat.Service), Log: log}
	var out []Row
	bind := map[string]func(*realtime.Server, *dialect.Root) (routes func(chi.Router), own *realtime.Namespace, end func()){
		"oneonone": func(_ *realtime.Server, root *dialect.Root) (func(chi.Router), *realtime.Namespace, func()) {
			return oneonone.Bind(house, root).Routes, nil, nil
		},
		"expresschat": func(_ *realtime.Server, root *dialect.Root) (func(chi.Router), *realtime.Namespace, func()) {
			e := expresschat.New(house, nil, false)
			e.Bind(root)
			return e.Routes, nil, nil
		},
		"nestchat": func(s *realtime.Server, _ *dialect.Root) (func(chi.Router), *realtime.Namespace, func()) {
			n := nestchat.Bind(house, s)
			return n.Routes, n.Realtime(), n.Close
		},
		"messaging": func(_ *realtime.Server, root *dialect.Root) (func(chi.Router), *realtime.Namespace, func()) {
			m := messaging.Bind(house, root)
			return m.Routes, nil, m.Close
		},
	}
	folders, err := os.ReadDir(folder)
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range folders {
		if !f.IsDir() {
			continue
		}
		name := f.Name()
		if bind[name] == nil {
			tb.Fatalf("the contract %s is not in the table of test/dialects", name)
		}
		server := realtime.NewServer(realtime.Options{Log: log})
		nobody := func(context.Context, realtime.Credentials) (auth.Identity, error) { return auth.Identity{}, nil }
		root := dialect.NewRoot(house, func(h realtime.Hooks) *realtime.Namespace { return server.Namespace("/", h) }, nobody, dialect.Failure)
		routes, own, end := bind[name](server, root)
		if own == nil {
			own = root.Realtime()
		}
		for _, e := range own.Events() {
			out = append(out, Row{Dialect: name, Name: e.Name, FromServer: e.FromServer})
		}
		r := chi.NewRouter()
		routes(r)
		err := chi.Walk(r, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
			out = append(out, Row{Dialect: name, Name: method + " " + route, Route: true})
			return nil
		})
		if err != nil {
			tb.Fatal(err)
		}
		if end != nil {
			end()
		}
		root.Close()
		_ = server.Shutdown(tb.Context(), 0) // it has no sockets
	}
	return slices.Clip(out)
}
