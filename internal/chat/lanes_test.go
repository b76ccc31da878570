package chat

import (
	"strconv"
	"testing"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

func opOf(chat, text string) *appendOp {
	return &appendOp{entry: &entry{chat: models.Chat{ID: chat}}, message: models.Message{ChatID: chat, Text: text}}
}

// inLane are n messages of chats that go to a lane.
func inLane(ls *lanes, want, n int) []*appendOp {
	var ops []*appendOp
	for i := 0; len(ops) < n; i++ {
		op := opOf("c"+strconv.Itoa(i), strconv.Itoa(i))
		before := len(ls.all[want].waiting)
		if err := ls.add(op, false); err != nil {
			panic(err)
		}
		for j, l := range ls.all { // what went elsewhere is taken out again
			if j != want {
				l.waiting = nil
			}
		}
		if len(ls.all[want].waiting) > before {
			ops = append(ops, op)
		}
	}
	return ops
}

func TestLanesWithLittleToDoShareATransaction(t *testing.T) {
	ls := newLanes(2)
	first := inLane(ls, 0, 3)
	ls.all[1].waiting = []*appendOp{opOf("x", "other")}
	shared := ls.take()
	if shared == nil || len(shared.batch) != 4 || len(shared.parts) != 2 || shared.batch[0] != first[0] || shared.batch[2] != first[2] {
		t.Fatalf("took %+v", shared)
	}
	ls.all[0].waiting = []*appendOp{opOf("y", "later")}
	if more := ls.take(); more != nil {
		t.Fatal("a small transaction began beside another")
	}
	ls.release(shared, false)
	for i, want := range []int{3, 1} {
		if decided := <-ls.all[i].decided; len(decided) != want {
			t.Errorf("lane %d answers %d, not %d", i, len(decided), want)
		}
	}
	if more := ls.take(); more == nil || more.batch[0].message.Text != "later" {
		t.Fatalf("what came meanwhile is not next: %+v", more)
	}
}

func TestABusyLaneHasItsOwnTransaction(t *testing.T) {
	ls := newLanes(2)
	ls.all[1].waiting = []*appendOp{opOf("x", "other")}
	shared := ls.take()
	inLane(ls, 0, maxBatch+busyLane)
	ls.all[1].waiting = []*appendOp{opOf("x", "overtakes nobody")}
	own := ls.take()
	if own == nil || own.shared || len(own.batch) != maxBatch || len(own.parts) != 1 || own.parts[0].lane != ls.all[0] {
		t.Fatalf("took %+v", own)
	}
	if again := ls.take(); again != nil {
		t.Fatal("a lane is in two transactions")
	}
	ls.release(shared, false)
	if next := ls.take(); next == nil || next.batch[0].message.Text != "overtakes nobody" {
		t.Fatalf("took %+v", next)
	}
	ls.release(own, false)
	if rest := ls.take(); rest == nil || len(rest.batch) != busyLane {
		t.Fatalf("took %+v", rest)
	}
}

func TestWhatWaitedBehindADeadDatabaseIsRefused(t *testing.T) {
	ls := newLanes(1)
	inLane(ls, 0, 1)
	tried := ls.take()
	inLane(ls, 0, 2)
	if err := ls.add(opOf("z", "meanwhile"), true); !apperr.Is(err, apperr.Unavailable) {
		t.Errorf("beside the one that finds out: %v", err)
	}
	ls.release(tried, true)
	<-ls.all[0].decided
	if refused := <-ls.all[0].decided; len(refused) != 2 || !apperr.Is(refused[0].err, apperr.Unavailable) {
		t.Errorf("refused %v", refused)
	}
	if err := ls.add(opOf("z", "the next finds out"), true); err != nil {
		t.Error(err)
	}
	ls.close()
	if last := ls.next(); last == nil || len(last.batch) != 1 {
		t.Errorf("left behind at close: %+v", last)
	}
	if err := ls.add(opOf("z", "late"), false); !apperr.Is(err, apperr.Unavailable) {
		t.Errorf("after close: %v", err)
	}
}
