package chat

import (
	"testing"
	"time"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/wire"
)

// What is sent is put in order beside the commits, and found before as well as after.
func TestTheIndexOfSearchesIsTidiedBeside(t *testing.T) {
	h := newHouse(t, dbtest.Postgres(t))
	if err := h.db.Exec("CREATE EXTENSION IF NOT EXISTS pgstattuple").Error; err != nil {
		t.Fatal(err)
	}
	waiting := func() (n int64) {
		t.Helper()
		if err := h.db.Raw("SELECT pending_tuples FROM pgstatginindex('messages_text_trgm')").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	found := func(when string) {
		t.Helper()
		list := must[[]InboxItem](t)(h.store.adminChats(t.Context(), adminFilter{Text: "turquoise"}, wire.Cursor{}, 10))
		if len(list) != 1 {
			t.Errorf("%s: %d chats found", when, len(list))
		}
	}
	h.tidier.close() // what follows is done by hand
	must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", "a turquoise lamp")))
	if waiting() == 0 {
		t.Fatal("nothing waits: the test shows nothing")
	}
	found("before")
	must[int64](t)(h.store.tidySearch(t.Context()))
	if n := waiting(); n != 0 {
		t.Errorf("%d wait", n)
	}
	found("after")

	beside := newTidier(h.Service)
	defer beside.close()
	must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", "and a red one")))
	for deadline := time.Now().Add(20 * time.Second); waiting() > 0; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it was not put in order")
		}
	}
}
