package dialect

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"chaffer/internal/models"
)

// The row of a deleted message keeps its text for admins. Every contract takes texts from Content.
func TestADeletedTextIsShownNowhere(t *testing.T) {
	now := time.Now()
	if got := Content(models.Message{Text: "hello"}); got != "hello" {
		t.Errorf("a text is %q", got)
	}
	if got := Content(models.Message{Text: "taken back", DeletedAt: &now}); got != "" {
		t.Errorf("a deleted text is %q", got)
	}
	files, err := filepath.Glob("*/*.go")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files of contracts: %v", len(files), err)
	}
	past, taken := regexp.MustCompile(`\b(m|[mM]essage)\.Text\b`), 0
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if past.Match(b) {
			t.Errorf("%s reads a message's text past Content", name)
		}
		if regexp.MustCompile(`dialect\.Content\(`).Match(b) {
			taken++
		}
	}
	if taken < 4 {
		t.Errorf("%d files take texts from Content: the search is wrong", taken)
	}
}
