package redis_test

import (
	"log/slog"
	"testing"
	"time"

	"chaffer/internal/redis"
	"chaffer/internal/redis/redistest"
)

// Listeners hear when Redis goes, when it comes back, and when it came back, or was emptied, so
// quickly that nothing has failed: what they wrote there is gone all the same.
func TestListenersHearOfALoss(t *testing.T) {
	s := redistest.Start(t)
	c, err := redis.Open(s.URL, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	heard := make(chan bool, 10)
	c.OnChange(func(up bool) { heard <- up })
	expect := func(what string, up bool) {
		t.Helper()
		select {
		case got := <-heard:
			if got != up || c.Up() != up {
				t.Fatalf("%s: heard %v, Up is %v", what, got, c.Up())
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: not heard", what)
		}
	}
	if !c.Up() {
		t.Fatal("Redis is there and not used")
	}
	plain := s.Client()
	defer plain.Close()
	if err := plain.FlushAll(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	expect("emptied", true)
	s.Kill()
	expect("killed", false)
	s.Run()
	expect("started", true)
	if n := len(heard); n > 0 {
		t.Errorf("%d more were heard", n)
	}
}
