// Package internal holds the rules of the house as a test: who may import whom.
package internal

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// mayImport lists, for each package, what it may import of this module. Imports point down: a
// package that is not listed fails the test, so that a new one is a decision.
var mayImport = map[string][]string{
	"cmd/chaffer": {"config", "internal/auth", "internal/buildinfo", "internal/db", "internal/demo", "internal/models", "internal/server"},
	"config":      {},

	"internal/apperr":    {},
	"internal/buildinfo": {},
	"internal/models":    {},
	"internal/wire":      {"internal/apperr"},
	"internal/httpjson":  {"internal/apperr", "internal/wire"},
	"internal/db":        {"internal/apperr"},
	"internal/auth":      {"internal/apperr", "internal/httpjson", "internal/models", "internal/wire"},
	"internal/audit":     {"internal/db", "internal/models", "internal/wire"},

	"internal/redis": {},
	"internal/bus":   {"internal/models", "internal/redis", "internal/wire"},
	"internal/limit": {"internal/models", "internal/redis"},

	"internal/realtime/sio": {},
	"internal/realtime":     {"internal/apperr", "internal/auth", "internal/models", "internal/realtime/sio", "internal/wire"},

	"internal/product":        {"internal/apperr", "internal/db", "internal/httpjson", "internal/models", "internal/wire"},
	"internal/upload/picture": {"internal/apperr"},
	"internal/upload":         {"internal/apperr", "internal/auth", "internal/db", "internal/httpjson", "internal/models", "internal/upload/picture", "internal/wire"},
	"internal/session":        {"internal/apperr", "internal/audit", "internal/auth", "internal/db", "internal/httpjson", "internal/models", "internal/wire"},
	"internal/presence":       {"internal/apperr", "internal/models", "internal/realtime", "internal/redis", "internal/wire"},
	"internal/chat": {
		"internal/apperr", "internal/audit", "internal/auth", "internal/db", "internal/httpjson",
		"internal/models", "internal/realtime", "internal/wire",
	},
	"internal/profile": {"internal/db", "internal/models", "internal/wire"},
	"internal/dialect": {
		"internal/apperr", "internal/auth", "internal/chat", "internal/models", "internal/profile", "internal/realtime", "internal/upload", "internal/wire",
	},
	"internal/dialect/messaging": {
		"internal/apperr", "internal/auth", "internal/chat", "internal/dialect", "internal/httpjson", "internal/models", "internal/realtime", "internal/wire",
	},
	"internal/dialect/oneonone": {
		"internal/apperr", "internal/auth", "internal/chat", "internal/dialect", "internal/httpjson", "internal/models", "internal/realtime", "internal/wire",
	},
	"internal/account": {"internal/apperr", "internal/auth", "internal/db", "internal/models", "internal/wire"},
	"internal/dialect/expresschat": {
		"internal/account", "internal/apperr", "internal/auth", "internal/chat", "internal/dialect", "internal/httpjson",
		"internal/models", "internal/realtime", "internal/wire",
	},
	"internal/dialect/nestchat": {
		"internal/apperr", "internal/auth", "internal/chat", "internal/dialect", "internal/httpjson", "internal/models", "internal/realtime", "internal/wire",
	},
	"internal/demo":   {"internal/auth", "internal/chat", "internal/db", "internal/models", "internal/product"},
	"internal/apidoc": {"internal/realtime", "internal/wire"},
	"internal/server": {
		"config", "internal/bus", "internal/limit", "internal/redis", "internal/apidoc", "internal/apperr", "internal/auth", "internal/buildinfo", "internal/chat", "internal/db",
		"internal/account", "internal/dialect", "internal/dialect/expresschat", "internal/dialect/messaging", "internal/dialect/nestchat", "internal/dialect/oneonone", "internal/profile",
		"internal/demo", "internal/httpjson", "internal/models", "internal/presence", "internal/product", "internal/realtime", "internal/session", "internal/upload", "internal/webui", "internal/wire",
	},
	"internal/webui": {},
}

// tamed outside libraries, and the only files that may touch them.
var tamed = []struct {
	library string
	files   string // regular expression over the path below the module
	why     string
}{
	{"github.com/zishang520/", `^internal/realtime/sio/`, "Socket.IO is tamed in one place (docs/adr)"},
	{"gorm.io/", `^internal/(db|audit)/|/(\w+_)?store(_\w+)?\.go$`, "queries live in a feature's store"},
	{"github.com/jackc/pgx", `^internal/db/`, "driver errors become facts in db"},
	{"modernc.org/sqlite", `^internal/db/`, "driver errors become facts in db"},
	{"github.com/golang-jwt/", `^internal/auth/`, "tokens are auth's"},
	{"github.com/danielgtaylor/huma", `^internal/(httpjson|apidoc|wire|server)/|/(http|admin)(_\w+)?\.go$`, "REST is described where it is served"},
	{"github.com/redis/go-redis", `^internal/(redis|bus)/|/redis(_\w+)?\.go$`, "what Redis may forget, and that nothing waits for it, is decided in one place"},
	{"github.com/caarlos0/env", `^config/`, "settings are config's"},
}

const module = "chaffer/"

// testHelpers are packages that tests and measurements import, and the product never.
var testHelpers = []string{"dbtest", "siotest", "redistest", "picturetest", "porttest"}

type source struct {
	file    string // path below the module, with slashes
	pkg     string
	imports []string
}

// sources are the Go files of the product, tests and tools apart.
func sources(t *testing.T) []source {
	t.Helper()
	root := ".."
	var out []source
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			switch {
			case strings.HasPrefix(d.Name(), ".") && rel != ".", d.Name() == "node_modules", rel == "test", rel == "bench", rel == "scripts", rel == "data":
				return fs.SkipDir
			case slices.Contains(testHelpers, d.Name()):
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		s := source{file: rel, pkg: path.Dir(rel)}
		for _, i := range parsed.Imports {
			name, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			s.imports = append(s.imports, name)
		}
		out = append(out, s)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(out) < 50 {
		t.Fatalf("only %d files were found: the walk is wrong", len(out))
	}
	return out
}

func TestImportsPointDown(t *testing.T) {
	for _, s := range sources(t) {
		allowed, listed := mayImport[s.pkg]
		if !listed {
			t.Errorf("%s: package %s is not in the list of who may import whom", s.file, s.pkg)
			continue
		}
		for _, name := range s.imports {
			inside, ours := strings.CutPrefix(name, module)
			if ours && !slices.Contains(allowed, inside) {
				t.Errorf("%s imports %s, which %s may not", s.file, inside, s.pkg)
			}
		}
	}
}

func TestLibrariesStayWhereTheyAreTamed(t *testing.T) {
	for _, rule := range tamed {
		where := regexp.MustCompile(rule.files)
		used := false
		for _, s := range sources(t) {
			for _, name := range s.imports {
				if !strings.HasPrefix(name, rule.library) {
					continue
				}
				used = true
				if !where.MatchString(s.file) {
					t.Errorf("%s imports %s: %s", s.file, name, rule.why)
				}
			}
		}
		if !used {
			t.Errorf("nothing imports %s: the rule is about something that is gone", rule.library)
		}
	}
}

// Test helpers stay out of the product.
func TestProductDoesNotImportTestHelpers(t *testing.T) {
	for _, s := range sources(t) {
		for _, name := range s.imports {
			if name == "testing" || slices.Contains(testHelpers, path.Base(name)) {
				t.Errorf("%s imports %s", s.file, name)
			}
		}
	}
}

func TestNoDrawerForEverything(t *testing.T) {
	for _, s := range sources(t) {
		for _, word := range []string{"util", "utils", "common", "helper", "helpers", "manager", "misc"} {
			if path.Base(s.pkg) == word {
				t.Errorf("%s: a package says what it is for, %q does not", s.file, word)
			}
		}
	}
}
