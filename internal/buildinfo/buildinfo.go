// Package buildinfo says which build is running.
package buildinfo

import "runtime/debug"

// version is set by release builds: -ldflags "-X chaffer/internal/buildinfo.version=v1.2.3".
var version = "dev"

// Info is what a build knows about itself.
type Info struct {
	Version string `json:"version" doc:"A release, or dev."`
	Commit  string `json:"commit,omitempty" doc:"The revision it was built from; -dirty when there was more."`
	Built   string `json:"built,omitempty" doc:"The time of that revision, RFC 3339."`
	Go      string `json:"go" doc:"The compiler."`
}

// Read returns what the linker and the toolchain have stored in the binary.
func Read() Info {
	out := Info{Version: version}
	b, ok := debug.ReadBuildInfo()
	if !ok {
		return out
	}
	out.Go = b.GoVersion
	dirty := ""
	for _, s := range b.Settings {
		switch s.Key {
		case "vcs.revision":
			out.Commit = s.Value
		case "vcs.time":
			out.Built = s.Value
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if out.Commit != "" {
		out.Commit += dirty
	}
	return out
}

// String is one line for a person: "dev 1a2b3c4 go1.26.0".
func (i Info) String() string {
	s := i.Version
	if i.Commit != "" {
		s += " " + i.Commit
	}
	return s + " " + i.Go
}
