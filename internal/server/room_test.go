package server

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// Newcomers are refused while there is no room; a session that exists always passes.
func TestARoomThatIsFullLetsNobodyNewIn(t *testing.T) {
	used, live := 0, int64(0)
	m := &room{descriptors: spareDescriptors + 3, bytes: 100, count: func() int { return used }, live: func() int64 { return live }}
	now := time.Now()
	for i := range 3 {
		if !m.enter(now) {
			t.Fatalf("newcomer %d of 3 found no room", i+1)
		}
	}
	if m.enter(now) {
		t.Error("a fourth between two counts has no room")
	}
	if now = now.Add(lookEvery); !m.enter(now) {
		t.Error("the count says that the three have gone")
	}
	if live, now = 81, now.Add(lookEvery); m.enter(now) {
		t.Error("four fifths of the memory are in use")
	}
	m.at = time.Now().Add(time.Hour) // no new look
	passed := 0
	h := m.guard(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { passed++ }))
	for query, want := range map[string]int{"?EIO=4&transport=websocket": http.StatusServiceUnavailable, "?EIO=4&transport=polling&sid=x": http.StatusOK} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/socket.io/"+query, nil))
		if w.Code != want {
			t.Errorf("%s: %d, expected %d", query, w.Code, want)
		}
		if want == http.StatusServiceUnavailable && w.Header().Get("Retry-After") != "1" {
			t.Errorf("Retry-After is %q, expected 1", w.Header().Get("Retry-After"))
		}
	}
	if passed != 1 {
		t.Errorf("%d requests passed, expected 1", passed)
	}
}

// What is read of the system is what the system says.
func TestARoomKnowsItsLimits(t *testing.T) {
	if n, limit := openDescriptors(), maxDescriptors(); n < 3 || (limit > 0 && n > limit) {
		t.Errorf("%d descriptors are open of %d", n, limit)
	}
}
