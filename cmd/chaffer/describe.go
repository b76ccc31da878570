package main

import (
	"context"

	"chaffer/internal/server"
)

func (p program) openapi(_ context.Context, args []string) error {
	f := p.flags("openapi", "Prints the OpenAPI 3.1 description of the REST surface; docs/openapi.json is this output.")
	if err := parse(f, args); err != nil {
		return err
	}
	return p.print(server.OpenAPIJSON())
}

func (p program) asyncapi(_ context.Context, args []string) error {
	f := p.flags("asyncapi", "Prints the AsyncAPI 3 description of the Socket.IO events; docs/asyncapi.json is this output.")
	if err := parse(f, args); err != nil {
		return err
	}
	return p.print(server.AsyncAPIJSON())
}

func (p program) print(b []byte, err error) error {
	if err != nil {
		return err
	}
	_, err = p.stdout.Write(b)
	return err
}
