package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The bill of a real binary names the modules that were linked into it, in the versions of go.mod.
func TestVersionSBOM(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "chaffer")
	build := exec.Command("go", "build", "-trimpath", "-o", binary, ".") // as make build does, which the cache remembers
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command(binary, "version", "-sbom").Output()
	if err != nil {
		t.Fatal(err)
	}
	var b bill
	if err := json.Unmarshal(out, &b); err != nil || b.Format != "CycloneDX" || b.Metadata.Component.Name != "chaffer" {
		t.Fatalf("%v: %.300s", err, out)
	}
	has := map[string]bool{}
	for _, c := range b.Components {
		has[c.Name] = true
		if c.Name != "std" && !strings.Contains(string(mod), c.Name+" "+c.Version) {
			t.Errorf("%s %s is not what go.mod says", c.Name, c.Version)
		}
		if want := "pkg:golang/" + c.Name + "@" + c.Version; c.PURL != want || c.Ref != want {
			t.Errorf("%s is called %q and %q", c.Name, c.PURL, c.Ref)
		}
	}
	for _, name := range []string{"std", "github.com/golang-jwt/jwt/v5", "github.com/zishang520/socket.io/servers/socket/v3", "modernc.org/sqlite", "gorm.io/gorm"} {
		if !has[name] {
			t.Errorf("%s is missing", name)
		}
	}
	if plain, _, err := cli(t, nil, "version"); err != nil || !regexp.MustCompile(`^chaffer \S+ `).MatchString(plain) {
		t.Errorf("without the flag: %q, %v", plain, err)
	}
}
