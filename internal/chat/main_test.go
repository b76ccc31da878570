package chat

import (
	"flag"
	"os"
	"testing"
)

// TestMain bounds the random histories: with the race detector each step on SQLite takes tens of
// milliseconds. -rapid.checks asks for more.
func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "25"); err != nil {
		panic(err)
	}
	flag.Parse()
	os.Exit(m.Run())
}
