package transcripts

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the conversations into docs/PROTOCOL.md")

const (
	folder   = "../../testdata/transcripts"
	protocol = "../../docs/PROTOCOL.md"
	// contracts has a folder for each other contract, with a README and transcripts.
	contracts = "../../internal/dialect"
)

// included is a marker and the block after it.
var included = regexp.MustCompile("(?s)<!-- transcript: ([a-z-]+) -->\n```text\n(.*?)```\n")

// TestProtocolShowsWhatWasPlayed holds the documents to the conversations: each is there once,
// letter by letter. With -update it writes them.
func TestProtocolShowsWhatWasPlayed(t *testing.T) {
	shows(t, protocol, folder)
	readmes, err := filepath.Glob(contracts + "/*/README.md")
	if err != nil || len(readmes) == 0 {
		t.Fatalf("no other contracts in %s: %v", contracts, err)
	}
	for _, readme := range readmes {
		shows(t, readme, filepath.Join(filepath.Dir(readme), "transcripts"))
	}
}

// shows holds one document to the conversations of one folder.
func shows(t *testing.T, document, folder string) {
	t.Helper()
	doc, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(folder + "/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no conversations in %s: %v", folder, err)
	}
	missing := map[string]string{}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		missing[strings.TrimSuffix(filepath.Base(file), ".txt")] = string(b)
	}
	fresh := included.ReplaceAllStringFunc(string(doc), func(block string) string {
		m := included.FindStringSubmatch(block)
		text, ok := missing[m[1]]
		if !ok {
			t.Errorf("%s includes %q, which is not there or is included twice", document, m[1])
			return block
		}
		delete(missing, m[1])
		if m[2] != text && !*update {
			t.Errorf("the block %q of %s is not the conversation: go test ./test/transcripts -run Protocol -update", m[1], document)
		}
		return "<!-- transcript: " + m[1] + " -->\n```text\n" + text + "```\n"
	})
	for name := range missing {
		t.Errorf("conversation %q is in no place of %s: add <!-- transcript: %s --> and an empty ```text block", name, document, name)
	}
	if *update {
		if err := os.WriteFile(document, []byte(fresh), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
