package chat

import "testing"

// An answer held for a socket that goes away is ended: shutting down waits for every one.
func TestHeldAnswersEndWithTheirSocket(t *testing.T) {
	asked, answered := 0, 0
	s := newSession(nil, func(*session) { asked++ }, func(*session) {})
	if !s.release() {
		t.Fatal("nothing is missing")
	}
	s.base("a", 3)
	answer := func(seq int64) {
		s.offer(delivery{chatID: "a", seq: seq, own: true, send: func() { answered++ }})
	}
	answer(5) // place 4 is missing
	if asked != 1 || answered != 0 {
		t.Fatalf("asked for what is missing %d times, answered %d", asked, answered)
	}
	s.abandon()
	answer(6)
	if answered != 2 {
		t.Errorf("%d of 2 answers ended", answered)
	}
}

// What another node sent may overtake: the first message a socket has of a chat waits for those before it.
func TestTheFirstMessageOfAnUnknownChatWaits(t *testing.T) {
	for _, shared := range []bool{false, true} {
		asked, sent := 0, 0
		s := newSession(nil, func(*session) { asked++ }, func(*session) {})
		s.shared = shared
		s.release()
		s.offer(delivery{chatID: "a", seq: 7, send: func() { sent++ }})
		if shared && (asked != 1 || sent != 0 || s.gaps()["a"] != sinceBegan) {
			t.Errorf("with other nodes: asked %d, sent %d, gaps %v", asked, sent, s.gaps())
		}
		if !shared && (asked != 0 || sent != 1) {
			t.Errorf("alone: asked %d, sent %d", asked, sent)
		}
		s.base("a", 6)
		if shared && (!s.release() || sent != 1) {
			t.Errorf("once it is known that 6 was there, 7 follows: sent %d", sent)
		}
	}
}

func TestASweepHealsWhatStaysMissing(t *testing.T) {
	asked := 0
	s := newSession(nil, func(*session) { asked++ }, func(*session) {})
	s.release()
	s.base("a", 3)
	if s.isMissing("a", 3) || s.isMissing("a", 4) {
		t.Error("seen for the first time, it may be on its way")
	}
	s.offer(delivery{chatID: "a", seq: 4, send: func() {}})
	if s.isMissing("a", 5) {
		t.Error("4 has come; 5 is seen for the first time")
	}
	if !s.isMissing("a", 6) {
		t.Error("5 has been missing for a whole interval")
	}
	s.heal("a")
	if asked != 1 || s.gaps()["a"] != 4 {
		t.Errorf("asked %d times; gaps %v, expected from 4", asked, s.gaps())
	}
}
