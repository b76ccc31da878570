package crash

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"testing"
)

// cutExport kills the server in the middle of an export, starts it again and returns what had arrived.
func cutExport(t *testing.T, n *node) []byte {
	t.Helper()
	res := askAdmin(t, n, "GET", "export")
	begin := make([]byte, 2<<20) // of about six
	if _, err := io.ReadFull(res.Body, begin); err != nil {
		t.Fatal(err)
	}
	n.kill(t)
	rest, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err == nil || bytes.Contains(rest, []byte(`"kind":"end"`)) {
		t.Errorf("an export that was cut short looks whole: %d bytes, %v", len(rest), err)
	}
	n.start(t)
	return append(begin, rest...)
}

// goesOn asks for what is behind the last whole line of a part, and fails unless both together are the
// whole export, byte for byte.
func goesOn(t *testing.T, n *node, part, whole []byte) {
	t.Helper()
	part = part[:bytes.LastIndexByte(part, '\n')+1]
	line := part[bytes.LastIndexByte(part[:len(part)-1], '\n')+1:]
	var last struct{ Kind, Place string }
	if err := json.Unmarshal(line, &last); err != nil || last.Place == "" {
		t.Fatalf("the last whole line has no place: %.200s, %v", line, err)
	}
	res := askAdmin(t, n, "GET", "export?after="+url.QueryEscape(last.Place))
	rest, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("going on behind %s: %d, %v", last.Place, res.StatusCode, err)
	}
	if joined := append(bytes.Clone(part), rest...); !bytes.Equal(joined, whole) {
		t.Errorf("the parts have %d and %d bytes, %d lines; the whole has %d and %d", len(part), len(rest), bytes.Count(joined, []byte("\n")), len(whole), bytes.Count(whole, []byte("\n")))
	}
	if len(rest) == 0 || len(rest) == len(whole) {
		t.Errorf("nothing was cut: %d and %d bytes", len(part), len(rest))
	}
	for _, bad := range []string{"x", last.Place + "0", "0" + last.Place[1:len(last.Place)-1] + "z"} {
		res := askAdmin(t, n, "GET", "export?after="+url.QueryEscape(bad))
		if _ = res.Body.Close(); res.StatusCode != http.StatusBadRequest {
			t.Errorf("after=%s: %d", bad, res.StatusCode)
		}
	}
	t.Logf("cut after %d of %d lines, the other %d came with after", bytes.Count(part, []byte("\n")), bytes.Count(whole, []byte("\n")), bytes.Count(rest, []byte("\n")))
}
