package sio

import (
	"testing"
	"time"
)

// An attacker does not fill the log: of one address the first refusals of a minute are told, and
// another address is told all the same.
func TestRefusalsAreLoggedSparingly(t *testing.T) {
	a := newAddresses(Config{})
	now := time.Unix(1_700_000_000, 0)
	told := 0
	for range 10_000 {
		if ok, _ := a.tell("203.0.113.9", now); ok {
			told++
		}
	}
	if told != loggedRefusals {
		t.Errorf("%d lines of one address", told)
	}
	if ok, _ := a.tell("203.0.113.10", now); !ok {
		t.Error("another address is silent")
	}
	if ok, _ := a.tell("203.0.113.9", now.Add(time.Minute)); !ok {
		t.Error("silent in the next minute too")
	}
}
