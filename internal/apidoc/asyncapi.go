package apidoc

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

// Info is the head of the AsyncAPI document.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

// Channel is one namespace and its table of events.
type Channel struct {
	Name    string // "chat"
	Address string // "/chat"
	Doc     string
	Events  []realtime.EventInfo
}

// The shapes of AsyncAPI 3.0 that are used here. "receive" and "send" are from the server's side.
type (
	document struct {
		AsyncAPI   string               `json:"asyncapi"`
		Info       Info                 `json:"info"`
		Content    string               `json:"defaultContentType"`
		Servers    map[string]any       `json:"servers"`
		Channels   map[string]channel   `json:"channels"`
		Operations map[string]operation `json:"operations"`
		Components components           `json:"components"`
	}
	channel struct {
		Address     string             `json:"address"`
		Description string             `json:"description,omitempty"`
		Messages    map[string]message `json:"messages"`
	}
	message struct {
		Name    string       `json:"name"`
		Summary string       `json:"summary,omitempty"`
		Payload *huma.Schema `json:"payload,omitempty"`
	}
	operation struct {
		Action      string      `json:"action"`
		Channel     reference   `json:"channel"`
		Summary     string      `json:"summary,omitempty"`
		Description string      `json:"description,omitempty"`
		Messages    []reference `json:"messages"`
		Reply       *reply      `json:"reply,omitempty"`
	}
	reply struct {
		Channel  reference   `json:"channel"`
		Messages []reference `json:"messages"`
	}
	components struct {
		Schemas         map[string]*huma.Schema `json:"schemas"`
		SecuritySchemes map[string]any          `json:"securitySchemes"`
	}
	reference struct {
		Ref string `json:"$ref"`
	}
)

// AsyncAPI describes namespaces as an AsyncAPI 3.0 document, indented, with a line end at its end.
func AsyncAPI(info Info, channels []Channel) ([]byte, error) {
	registry := huma.NewMapRegistry("#/components/schemas/", schemaName)
	doc := document{
		AsyncAPI: "3.0.0", Info: info, Content: "application/json",
		Servers: map[string]any{"node": map[string]any{
			"host": "localhost:3000", "pathname": "/socket.io/", "protocol": "wss",
			"description": "Socket.IO 4, over WebSocket or long polling.",
			"security":    []reference{{"#/components/securitySchemes/token"}},
		}},
		Channels: map[string]channel{}, Operations: map[string]operation{},
		Components: components{SecuritySchemes: map[string]any{"token": map[string]any{
			"type": "http", "scheme": "bearer", "bearerFormat": "JWT",
			"description": "In the Socket.IO handshake: auth.token, with or without \"Bearer \", or the Authorization header.",
		}}},
	}
	for _, c := range channels {
		out := channel{Address: c.Address, Description: c.Doc, Messages: map[string]message{}}
		for _, e := range c.Events {
			if err := doc.add(c.Name, &out, registry, e); err != nil {
				return nil, err
			}
		}
		doc.Channels[c.Name] = out
	}
	doc.Components.Schemas = registry.Map()
	b, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the AsyncAPI document: %w", err)
	}
	return append(b, '\n'), nil
}

func (d *document) add(name string, c *channel, registry huma.Registry, e realtime.EventInfo) error {
	here := reference{"#/channels/" + name}
	at := func(message string) reference { return reference{here.Ref + "/messages/" + message} }
	if e.FromServer {
		key := "server_" + e.Name
		c.Messages[key] = message{Name: e.Name, Summary: e.Doc, Payload: schemaOf(registry, e.Reply)}
		return d.operate(name+"_send_"+e.Name, operation{Action: "send", Channel: here, Summary: e.Doc, Messages: []reference{at(key)}})
	}
	request, ack, failure := "client_"+e.Name, "ack_"+e.Name, "ack_failure"
	payload := schemaOf(registry, e.Request)
	if e.OptionalPayload {
		payload = nil
	}
	c.Messages[request] = message{Name: e.Name, Summary: e.Doc, Payload: payload}
	c.Messages[ack] = message{Name: e.Name, Summary: "The acknowledgement of " + e.Name + ".", Payload: schemaOf(registry, e.Reply)}
	c.Messages[failure] = message{Name: "appError", Summary: "The acknowledgement of an event that failed; the same object comes as appError.",
		Payload: schemaOf(registry, reflect.TypeFor[wire.Failure]())}
	about := ""
	if e.Answer != "" {
		about = "The acknowledgement's object also comes as the event " + e.Answer + "."
	}
	return d.operate(name+"_receive_"+e.Name, operation{
		Action: "receive", Channel: here, Summary: e.Doc, Description: about, Messages: []reference{at(request)},
		Reply: &reply{here, []reference{at(ack), at(failure)}},
	})
}

func (d *document) operate(name string, o operation) error {
	if _, taken := d.Operations[name]; taken {
		return fmt.Errorf("the event of %s is declared twice", name)
	}
	d.Operations[name] = o
	return nil
}

// schemaOf is nil for "any JSON" and for an event without a payload.
func schemaOf(registry huma.Registry, t reflect.Type) *huma.Schema {
	if t == nil || t.Kind() == reflect.Interface || t == reflect.TypeFor[struct{}]() {
		return nil
	}
	return registry.Schema(t, true, t.Name())
}

// schemaName is huma's name; where two features have a shape of the same name, presence's says so.
func schemaName(t reflect.Type, hint string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if strings.HasSuffix(t.PkgPath(), "/presence") || strings.Contains(t.Name(), "/presence.") {
		name = "Presence" + name
	}
	return name
}
