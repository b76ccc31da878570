package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/apidoc"
	"chaffer/internal/chat"
	"chaffer/internal/httpjson"
	"chaffer/internal/presence"
	"chaffer/internal/realtime"
)

// specVersion is the version of the REST contract, not of a build: a build that changes no route
// changes no description.
const specVersion = "1.0.0"

func newSpec() *huma.OpenAPI {
	spec := httpjson.NewSpec("Chaffer", specVersion,
		"The REST surface of the chat between the customers and the vendors of an online shop. Every answer is the envelope {error, message, statusCode, data}; a failure is also a problem document. The same chats live on Socket.IO: see asyncapi.json.")
	spec.Tags = []*huma.Tag{
		{Name: "Chats", Description: "For customers and vendors."},
		{Name: "Catalogue", Description: "For the shop's backend, with a service token."},
		{Name: "Admin", Description: "For admins. Every request is a row in the audit log."},
	}
	return spec
}

// OpenAPIJSON is OpenAPI as docs/openapi.json keeps it.
func OpenAPIJSON() ([]byte, error) {
	b, err := json.MarshalIndent(OpenAPI(), "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the OpenAPI document: %w", err)
	}
	return append(b, '\n'), nil
}

// AsyncAPIJSON describes the events of the native namespaces without running them, as
// docs/asyncapi.json keeps it. The tables are the ones that bind the handlers.
func AsyncAPIJSON() ([]byte, error) {
	log := slog.New(slog.DiscardHandler)
	sockets := realtime.NewServer(realtime.Options{Log: log})
	tracker := presence.NewMemory(0)
	defer tracker.Close()
	people := presence.Bind(sockets, tracker, nil, log)
	defer people.Close()
	chats := chat.Bind(sockets, new(chat.Service), tracker, chat.SocketOptions{}, log)
	defer chats.Close()
	defer func() { _ = sockets.Shutdown(context.Background(), 0) }() // it has no sockets
	return apidoc.AsyncAPI(apidoc.Info{
		Title: "Chaffer", Version: specVersion,
		Description: "The Socket.IO events of the chat between the customers and the vendors of an online shop. A channel is a namespace; a reply is the acknowledgement. The same chats are reachable over REST: see openapi.json.",
	}, []apidoc.Channel{
		{Name: "presence", Address: "/presence", Doc: "Connecting to it is being online.", Events: people.Realtime().Events()},
		{Name: "chat", Address: "/chat", Doc: "Messages. Connect to /presence first, with the same token. auth.positions may name what the client has, in the shape of resume: it is not sent again.", Events: chats.Realtime().Events()},
	})
}
