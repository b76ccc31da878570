// Package deploy tries what deploy/ and the Dockerfile say: they parse, name what exists, and the
// nginx configuration carries every transport to two nodes.
package deploy

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"chaffer/config"
)

const root = "../.."

func text(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func documents(t *testing.T, name string) (out []map[string]any) {
	t.Helper()
	d := yaml.NewDecoder(strings.NewReader(text(t, name)))
	for {
		var doc map[string]any
		err := d.Decode(&doc)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, doc)
	}
}

// at follows keys and indexes into a document; it fails when there is nothing.
func at(t *testing.T, v any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch s := step.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok || m[s] == nil {
				t.Fatalf("%v: there is no %q", path, s)
			}
			v = m[s]
		case int:
			l, ok := v.([]any)
			if !ok || len(l) <= s {
				t.Fatalf("%v: there is no element %d", path, s)
			}
			v = l[s]
		}
	}
	return v
}

// settings of the files are ones the service knows; GOMEMLIMIT is Go's.
func known(t *testing.T, where string, keys map[string]any) {
	t.Helper()
	all := map[string]bool{"GOMEMLIMIT": true}
	for _, s := range (config.Config{}).Settings() {
		all[s.Key] = true
	}
	for k := range keys {
		if !all[k] {
			t.Errorf("%s sets %s, which is no setting", where, k)
		}
	}
}

func TestCompose(t *testing.T) {
	c := documents(t, "deploy/compose.yaml")[0]
	for _, name := range []string{"node1", "node2", "nginx", "postgres", "valkey"} {
		at(t, c, "services", name)
	}
	known(t, "compose.yaml", at(t, c, "services", "node1", "environment").(map[string]any))
	conf := text(t, "deploy/nginx.conf")
	for _, name := range []string{"node1", "node2"} {
		if !strings.Contains(conf, "server "+name+":3000") {
			t.Errorf("nginx.conf does not name %s of compose.yaml", name)
		}
	}
}

func TestKubernetes(t *testing.T) {
	kinds := map[string]map[string]any{}
	for _, d := range documents(t, "deploy/kubernetes/chaffer.yaml") {
		kinds[at(t, d, "kind").(string)] = d
	}
	for _, kind := range []string{"Deployment", "ConfigMap", "Service", "PodDisruptionBudget"} {
		if kinds[kind] == nil {
			t.Fatalf("there is no %s", kind)
		}
	}
	pod := at(t, kinds["Deployment"], "spec", "template", "spec")
	c := at(t, pod, "containers", 0)
	if at(t, c, "readinessProbe", "httpGet", "path") != "/readyz" || at(t, c, "livenessProbe", "httpGet", "path") != "/livez" {
		t.Error("readiness asks /readyz, liveness /livez")
	}
	if at(t, pod, "securityContext", "runAsNonRoot") != true || at(t, c, "securityContext", "readOnlyRootFilesystem") != true {
		t.Error("the container runs as root, or may write")
	}
	if at(t, pod, "terminationGracePeriodSeconds").(int) < 8+13+5 {
		t.Error("a pod is killed before it has drained")
	}
	known(t, "the ConfigMap", at(t, kinds["ConfigMap"], "data").(map[string]any))
	labels := at(t, kinds["Deployment"], "spec", "template", "metadata", "labels", "app")
	for _, kind := range []string{"Service"} {
		if at(t, kinds[kind], "spec", "selector", "app") != labels {
			t.Errorf("the %s selects other pods", kind)
		}
	}
}

func TestDockerfile(t *testing.T) {
	f := text(t, "Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(text(t, "go.mod"))[1]
	for _, want := range []string{"FROM golang:" + version, "CGO_ENABLED=0", "USER nonroot", `"healthcheck"`, "distroless/static", "./cmd/chaffer"} {
		if !strings.Contains(f, want) {
			t.Errorf("the Dockerfile does not say %q", want)
		}
	}
}

func TestUnit(t *testing.T) {
	section, seen := "", map[string]string{}
	for i, line := range strings.Split(text(t, "deploy/chaffer.service"), "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = strings.Trim(line, "[]")
		default:
			k, v, ok := strings.Cut(line, "=")
			if !ok || section == "" {
				t.Errorf("line %d is no setting: %q", i+1, line)
			}
			seen[section+"."+k] = v
		}
	}
	for _, k := range []string{"Unit.Description", "Service.ExecStart", "Service.Restart", "Service.TimeoutStopSec", "Install.WantedBy"} {
		if seen[k] == "" {
			t.Errorf("there is no %s", k)
		}
	}
}
