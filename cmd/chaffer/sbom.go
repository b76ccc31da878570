package main

import (
	"encoding/json"
	"errors"
	"runtime/debug"

	"chaffer/internal/buildinfo"
)

// bill is a software bill of materials in CycloneDX 1.5: what this binary was linked from, as the
// toolchain has written it into the binary.
type bill struct {
	Format     string      `json:"bomFormat"`
	Spec       string      `json:"specVersion"`
	Version    int         `json:"version"`
	Metadata   billOf      `json:"metadata"`
	Components []component `json:"components"`
}

type billOf struct {
	Timestamp string    `json:"timestamp,omitempty"` // RFC 3339: when the revision was made
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"` // "application" or "library"
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version"`
	PURL       string     `json:"purl,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// billOfMaterials is the bill as JSON. The hash of a module is that of go.sum, which is none of the
// kinds CycloneDX knows, and so stands among the properties.
func billOfMaterials() ([]byte, error) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return nil, errors.New("this binary was built without module information: build it with go build in module mode")
	}
	info := buildinfo.Read()
	application := component{Type: "application", Ref: build.Main.Path, Name: build.Main.Path, Version: info.Version}
	if info.Commit != "" {
		application.Properties = []property{{"chaffer:commit", info.Commit}}
	}
	out := bill{Format: "CycloneDX", Spec: "1.5", Version: 1, Metadata: billOf{info.Built, application}, Components: []component{
		{Type: "library", Ref: "pkg:golang/std@" + build.GoVersion, Name: "std", Version: build.GoVersion, PURL: "pkg:golang/std@" + build.GoVersion},
	}}
	for _, m := range build.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		purl := "pkg:golang/" + m.Path + "@" + m.Version
		c := component{Type: "library", Ref: purl, Name: m.Path, Version: m.Version, PURL: purl}
		if m.Sum != "" {
			c.Properties = []property{{"golang:sum", m.Sum}}
		}
		out.Components = append(out.Components, c)
	}
	b, err := json.MarshalIndent(out, "", "  ")
	return append(b, '\n'), err
}
