package chat

import (
	"regexp"
	"testing"

	"pgregory.net/rapid"
)

// TestCleanKey holds the check, which is by hand for speed, to the rule people are told.
func TestCleanKey(t *testing.T) {
	rule := regexp.MustCompile(`^[A-Za-z0-9_-]{0,64}$`)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[A-Za-z0-9_@\[`+"`"+`{/:é-]{0,4}[a-z]{0,64}`).Draw(t, "key")
		if _, err := cleanKey(key); (err == nil) != rule.MatchString(key) {
			t.Fatalf("%q: %v", key, err)
		}
	})
}
