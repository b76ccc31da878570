package chat

import (
	"fmt"
	"runtime"
	"testing"
)

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

// What was there when a socket came is shown by its list and its backlog. Another node that tells it late,
// because Redis was away, does not make the socket go back there.
func TestWhatWasThereBeforeIsNotToldAgain(t *testing.T) {
	asked, sent := 0, 0
	s := newSession(nil, func(*session) { asked++ }, func(*session) {})
	s.shared = true
	tell := func(seq int64) { s.offer(delivery{chatID: "a", seq: seq, send: func() { sent++ }}) }
	s.base("a", 6)
	tell(5) // held, as the backlog comes first
	if !s.release() {
		t.Fatal("nothing is missing")
	}
	tell(6)
	tell(7)
	if sent != 1 || asked != 0 || s.from("a") != 7 {
		t.Errorf("sent %d, asked %d times for what is missing, stands at %d", sent, asked, s.from("a"))
	}
	s.offer(delivery{chatID: "a", seq: 3, own: true, send: func() { sent++ }})
	if sent != 2 {
		t.Error("an answer is owed however old the message is")
	}
}

func TestASweepHealsWhatStaysMissing(t *testing.T) {
	asked := 0
	s := newSession(nil, func(*session) { asked++ }, func(*session) {})
	s.release()
	s.base("a", 3)
	if s.isMissing("a", 3) {
		t.Error("everything there was has come")
	}
	s.offer(delivery{chatID: "a", seq: 4, send: func() {}})
	if s.isMissing("a", 4) || !s.isMissing("a", 5) {
		t.Error("4 has come and 5 has not")
	}
	s.heal("a")
	if asked != 1 || s.gaps()["a"] != 4 {
		t.Errorf("asked %d times; gaps %v, expected from 4", asked, s.gaps())
	}
}

// What is missing in one chat holds up that chat and no other.
func TestAGapHoldsItsOwnChatOnly(t *testing.T) {
	s := newSession(nil, func(*session) {}, func(*session) {})
	s.release()
	s.base("a", 3)
	s.base("b", 3)
	var sent []string
	offer := func(chatID string, seq int64, own bool) {
		s.offer(delivery{chatID: chatID, seq: seq, own: own, send: func() { sent = append(sent, fmt.Sprint(chatID, seq)) }})
	}
	offer("a", 5, false)
	offer("b", 4, true)
	offer("a", 6, true)
	offer("a", 0, false)
	offer("b", 5, false)
	if s.release() || fmt.Sprint(sent) != "[b4 b5]" {
		t.Errorf("while 4 is missing in a: sent %v", sent)
	}
	s.fill("a", 4, "x4", func() { sent = append(sent, "a4") })
	if !s.release() || fmt.Sprint(sent) != "[b4 b5 a4 a5 a6 a0]" {
		t.Errorf("when it has come: sent %v", sent)
	}
}

// A message of the socket's own that is read from the database before its answer has come, because
// something before it was missing, comes as the answer and not twice.
func TestAnOwnMessageComesAsItsAnswer(t *testing.T) {
	s := newSession(nil, func(*session) {}, func(*session) {})
	s.release()
	s.base("a", 3)
	var sent []string
	say := func(what string) func() { return func() { sent = append(sent, what) } }
	s.expect("x5")
	s.offer(delivery{chatID: "a", seq: 6, send: say("6")}) // 4 and 5 are missing
	if went := s.fill("a", 4, "x4", say("4")); went != given {
		t.Fatalf("4: %v", went)
	}
	if went := s.fill("a", 5, "x5", say("5 as somebody's")); went != expected {
		t.Fatalf("5, not answered yet: %v", went)
	}
	if s.release() {
		t.Fatal("6 went before 5")
	}
	s.heal("a") // it is being read
	s.offer(delivery{chatID: "a", seq: 5, own: true, id: "x5", send: say("5")})
	if went := s.fill("a", 5, "x5", say("5 as somebody's")); went != answered {
		t.Fatalf("5, answered: %v", went)
	}
	s.filled("a")
	if !s.release() || fmt.Sprint(sent) != "[4 5 6]" {
		t.Errorf("sent %v", sent)
	}
	s.expect("x7")
	s.forget("x7") // refused, and stored all the same: it is given like any other
	if went := s.fill("a", 7, "x7", say("7")); went != given {
		t.Errorf("7: %v", went)
	}
}

// What another node or this one's own committer brings a moment late ends the waiting: nothing is
// read from the database, and the socket's other chats do not wait at all.
func TestAGapThatClosesByItself(t *testing.T) {
	caught := 0
	s := newSession(nil, func(*session) { caught++ }, func(*session) {})
	s.release()
	s.base("a", 3)
	s.base("b", 0)
	var sent []string
	offer := func(chatID string, seq int64) {
		s.offer(delivery{chatID: chatID, seq: seq, send: func() { sent = append(sent, fmt.Sprint(chatID, seq)) }})
	}
	offer("a", 6)
	offer("b", 1)
	offer("a", 5)
	if fmt.Sprint(sent) != "[b1]" || len(s.gaps()) != 1 {
		t.Errorf("before 4 has come: sent %v, gaps %v", sent, s.gaps())
	}
	offer("a", 4)
	if fmt.Sprint(sent) != "[b1 a4 a5 a6]" || len(s.gaps()) != 0 || !s.release() {
		t.Errorf("when it has come: sent %v, gaps %v", sent, s.gaps())
	}
	offer("a", 8)
	if caught != 2 {
		t.Errorf("%d times somebody was asked to read", caught)
	}
}

// Who joins a room hears nothing of it before they are told that they have joined.
func TestNothingComesBetweenJoiningAndBeingToldSo(t *testing.T) {
	for range 200 {
		s := newSession(nil, func(*session) {}, func(*session) {})
		s.narrow()
		s.release()
		var joined bool
		var heard []string
		messages, begun := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(messages)
			for seq := int64(1); seq <= 20; seq++ {
				s.offer(delivery{chatID: "a", seq: seq, gives: func() bool { return joined }, send: func() { heard = append(heard, "message") }})
				if seq == 1 {
					close(begun)
				}
			}
		}()
		<-begun
		s.between(func() {
			joined = true
			runtime.Gosched()
			heard = append(heard, "joined")
		})
		<-messages
		if heard[0] != "joined" {
			t.Fatalf("heard %v", heard)
		}
	}
}
