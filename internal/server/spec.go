package server

import (
	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/httpjson"
)

// specVersion is the version of the REST contract, not of a build: a build that changes no route
// changes no description.
const specVersion = "1.0.0"

func newSpec() *huma.OpenAPI {
	return httpjson.NewSpec("Chaffer", specVersion,
		"The REST surface of the chat between the customers and the vendors of an online shop. The same chats live on Socket.IO: see asyncapi.json.")
}
