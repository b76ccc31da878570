package transcripts

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"chaffer/test/dialects"
)

const (
	coverage  = "../../docs/DIALECTS.md"
	cases     = "../contract/dialects"
	oursAlone = "across" // the section of what the contracts have in common
)

var (
	section   = regexp.MustCompile(`(?m)^## (\w+)\n`)
	documents = regexp.MustCompile(`Its document has (\d+) lines\.`)
	lineCell  = regexp.MustCompile(`^(\d+)(?:–(\d+))?$`)
	nodeCase  = regexp.MustCompile("(?m)^ *it\\((?:'((?:[^'\\\\]|\\\\.)*)'|`([^`]*)`), ")
	hole      = regexp.MustCompile(`\$\{\w+\}`)
	named     = regexp.MustCompile(`“([^”]+)”`)
	goTest    = regexp.MustCompile("`(Test\\w+)`")
	quoted    = regexp.MustCompile("`([^`]+)`")
	goDecl    = regexp.MustCompile(`(?m)^func (Test\w+)\(`)
)

// TestDialectsAreCoveredLineByLine holds docs/DIALECTS.md to what there is: the lines of each document
// follow each other without a gap, every case that is named exists, every case that exists is named, and
// every event and route of a contract is in a row of its section.
func TestDialectsAreCoveredLineByLine(t *testing.T) {
	b, err := os.ReadFile(coverage)
	if err != nil {
		t.Fatal(err)
	}
	doc := string(b)
	goTests := goTestNames(t)
	here := map[string]string{} // by section, the third cells of its rows
	at := section.FindAllStringSubmatchIndex(doc, -1)
	for i, m := range at {
		name, end := doc[m[2]:m[3]], len(doc)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		body := doc[m[1]:end]
		there := nodeCases(t, name)
		var said []string
		next := 1
		for _, row := range rows(body) {
			if len(row) != 4 {
				t.Errorf("%s: a row has %d cells, want 4: %q", name, len(row), row)
				continue
			}
			next = follows(t, name, row[0], next)
			here[name] += row[2] + "\n"
			shown := named.FindAllStringSubmatch(row[3], -1)
			for _, s := range shown {
				said = append(said, strings.ReplaceAll(s[1], `\|`, "|"))
			}
			tests := goTest.FindAllStringSubmatch(row[3], -1)
			for _, s := range tests {
				if !goTests[s[1]] {
					t.Errorf("%s: there is no test %s", name, s[1])
				}
			}
			if len(shown)+len(tests) == 0 {
				t.Errorf("%s: nothing shows %q", name, row[1])
			}
		}
		for _, s := range said {
			if !slices.Contains(there, s) {
				t.Errorf("%s: there is no case “%s” in %s", name, s, cases)
			}
		}
		for _, s := range there {
			if !slices.Contains(said, s) {
				t.Errorf("%s: the case “%s” is in no row", name, s)
			}
		}
		if name == oursAlone {
			continue
		}
		want := documents.FindStringSubmatch(body)
		if want == nil || strconv.Itoa(next-1) != want[1] {
			t.Errorf("%s: the rows end at line %d, its document at %v", name, next-1, want)
		}
	}
	for _, r := range dialects.Surface(t, contracts) {
		found := false
		for _, q := range quoted.FindAllStringSubmatch(here[r.Dialect], -1) {
			found = found || q[1] == r.Name
		}
		if !found {
			t.Errorf("%s: no row has `%s`", r.Dialect, r.Name)
		}
	}
}

// rows are the cells of a section's table, without its head.
func rows(body string) [][]string {
	var out [][]string
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| line |") {
			continue
		}
		out = append(out, strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "| "), " |"), " | "))
	}
	return out
}

// follows checks the lines of a row and returns the one after them; "–" is what a document leaves open.
func follows(t *testing.T, name, cell string, next int) int {
	t.Helper()
	m := lineCell.FindStringSubmatch(cell)
	if m == nil {
		if cell != "–" {
			t.Errorf("%s: %q is no line", name, cell)
		}
		return next
	}
	first, _ := strconv.Atoi(m[1])
	last := first
	if m[2] != "" {
		last, _ = strconv.Atoi(m[2])
	}
	if first != next || last < first {
		t.Errorf("%s: the row of %s comes where line %d should", name, cell, next)
	}
	return last + 1
}

// nodeCases are the names of a contract's cases, with … where they vary; of oursAlone, those of no folder.
func nodeCases(t *testing.T, name string) []string {
	t.Helper()
	pattern := filepath.Join(cases, name, "*.mjs")
	if name == oursAlone {
		pattern = filepath.Join(cases, "*.mjs")
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases in %s: %v", pattern, err)
	}
	var out []string
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range nodeCase.FindAllStringSubmatch(string(b), -1) {
			title := strings.ReplaceAll(m[1], `\'`, "'")
			if m[2] != "" {
				title = hole.ReplaceAllString(m[2], "…")
			}
			out = append(out, title)
		}
	}
	return out
}

func goTestNames(t *testing.T) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	for _, pattern := range []string{"../../internal/*/*_test.go", "../*/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no tests in %s: %v", pattern, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range goDecl.FindAllStringSubmatch(string(b), -1) {
				out[m[1]] = true
			}
		}
	}
	return out
}
