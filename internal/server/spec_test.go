package server

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// The committed descriptions are what this build says, byte for byte.
func TestDescriptionsAreCommitted(t *testing.T) {
	for name, describe := range map[string]func() ([]byte, error){"openapi": OpenAPIJSON, "asyncapi": AsyncAPIJSON} {
		want, err := describe()
		if err != nil {
			t.Fatal(err)
		}
		again, err := describe()
		if err != nil || !bytes.Equal(want, again) {
			t.Errorf("%s differs from one run to the next (%v)", name, err)
		}
		got, err := os.ReadFile("../../docs/" + name + ".json")
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("docs/%s.json is not what the code says: run bin/chaffer %s > docs/%s.json and look at the difference", name, name, name)
		}
	}
}

// Every reference of the descriptions leads somewhere, and every operation names who may call it.
func TestDescriptionsHoldTogether(t *testing.T) {
	for name, describe := range map[string]func() ([]byte, error){"openapi": OpenAPIJSON, "asyncapi": AsyncAPIJSON} {
		b, err := describe()
		if err != nil {
			t.Fatal(err)
		}
		var doc any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatal(err)
		}
		refs := 0
		walk(doc, func(ref string) {
			refs++
			at := doc
			for _, key := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
				m, _ := at.(map[string]any)
				if at = m[key]; at == nil {
					t.Errorf("%s refers to %s, which is not there", name, ref)
					return
				}
			}
		})
		if refs < 50 {
			t.Errorf("%s has only %d references", name, refs)
		}
	}
	for path, item := range OpenAPI().Paths {
		want := "user"
		if strings.HasPrefix(path, "/api/v1/products") {
			want = "service"
		}
		for method, op := range map[string]any{"get": item.Get, "put": item.Put, "post": item.Post, "delete": item.Delete} {
			b, err := json.Marshal(op)
			if err != nil {
				t.Fatal(err)
			}
			if s := string(b); s != "null" && !strings.Contains(s, `"security":[{"`+want+`":`) {
				t.Errorf("%s %s does not say that it needs a %s token", method, path, want)
			}
		}
	}
}

func walk(v any, visit func(ref string)) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			visit(ref)
		}
		for _, child := range v {
			walk(child, visit)
		}
	case []any:
		for _, child := range v {
			walk(child, visit)
		}
	}
}
