package server

import (
	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/httpjson"
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
