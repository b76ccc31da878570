package wire

import (
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// What is written by hand for speed says what the shorter way says.

func TestTimeIsWrittenAsItsLayoutSays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(rapid.Int64Range(-63_000_000_000, 300_000_000_000).Draw(t, "second"), rapid.Int64Range(0, 999_999_999).Draw(t, "nano"))
		at = at.In(time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(t, "zone")))
		want := `"` + at.UTC().Format(timeLayout) + `"`
		if got := string(At(at).AppendJSON(nil)); got != want {
			t.Fatalf("%v is written as %s, want %s", at, got, want)
		}
	})
}

func TestOddNumbersAreNobodysIDs(t *testing.T) {
	odd := regexp.MustCompile(`^([+-].*|0|\d+\.\d+)$`)
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[+-]?[0-9a]{0,3}[.]?[0-9b]{0,3}[.]?`).Draw(t, "id")
		if isOddNumber(s) != odd.MatchString(s) {
			t.Fatalf("%q: odd is %v", s, isOddNumber(s))
		}
	})
}
