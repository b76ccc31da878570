package main

import "testing"

func TestGarbageIsBoundedAndGivenBack(t *testing.T) {
	const mb = 1 << 20
	for live, want := range map[uint64]int{0: 400, 10 * mb: 400, 24 * mb: 400, 64 * mb: 150, 128 * mb: 75, 4096 * mb: 50} {
		if got, _ := (&memory{}).look(live, 0, live); got != want {
			t.Errorf("%d MB live: GOGC is %d, not %d", live/mb, got, want)
		}
	}
	m := &memory{percent: 200}
	if got, _ := m.look(49*mb, 0, 49*mb); got != 200 {
		t.Errorf("a change of little is made: %d", got)
	}
	var allocated uint64
	look := func(more, there uint64) bool {
		allocated += more
		_, release := m.look(50*mb, allocated, there)
		return release
	}
	for i, step := range []struct {
		more, there uint64
		release     bool
	}{
		{500 * mb, 300 * mb, false}, {mb, 300 * mb, false}, {mb, 300 * mb, false}, {mb, 300 * mb, true},
		{mb, 300 * mb, false},                                         // once
		{100 * mb, 300 * mb, false},                                   // busy again
		{0, 55 * mb, false}, {0, 55 * mb, false}, {0, 55 * mb, false}, // and little to give back
	} {
		if got := look(step.more, step.there); got != step.release {
			t.Errorf("step %d: memory is given back: %v", i, got)
		}
	}
}
