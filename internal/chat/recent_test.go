package chat

import (
	"fmt"
	"strings"
	"testing"

	"chaffer/internal/models"
)

// A list that is shown from memory is the one the database would give: after a message, a deletion, a
// receipt, and whoever asks.
func TestAListFromMemoryIsTheOneThereIs(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		list := func(u models.UserRef) (texts []string) {
			t.Helper()
			page := must[Inbox](t)(h.Inbox(t.Context(), u, InboxInput{}))
			for _, m := range toInbox(page).Data[0].Messages {
				texts = append(texts, fmt.Sprint(m.Text, " ", m.Read))
			}
			return texts
		}
		shows := func(when string, want ...string) {
			t.Helper()
			for _, u := range []models.UserRef{asJohn.User, asHaven.User} {
				for range 2 { // read, and from memory
					if got := list(u); strings.Join(got, ",") != strings.Join(want, ",") {
						t.Errorf("%s, %s is shown %q, not %q", when, u, got, want)
					}
				}
			}
		}
		first := must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", "one")))
		shows("one message", "one false")
		kept, ok := h.store.recent.chats.Get(first.Chat.ID)
		if !ok || len(kept.messages) != 1 {
			t.Fatal("nothing is kept: the test shows nothing")
		}
		must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", "two")))
		shows("two", "one false", "two false")
		must[ReadResult](t)(h.MarkRead(t.Context(), asHaven.User, first.Chat.ID, nil, ""))
		shows("read", "one true", "two true")
		must[Deleted](t)(h.Delete(t.Context(), asJohn.User, first.Chat.ID, first.Message.ID))
		shows("one deleted", " true", "two true")
		kept, _ = h.store.recent.chats.Get(first.Chat.ID)
		if len(kept.messages) != 2 || kept.messages[0].Text != "" {
			t.Errorf("a deleted text is kept: %+v", kept.messages)
		}
		must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", strings.Repeat("long ", 790))))
		for range 4 {
			must[Sent](t)(h.Send(t.Context(), asHaven, SendInput{ChatID: first.Chat.ID, Text: strings.Repeat("long ", 790)}))
		}
		list(asJohn.User)
		if kept, ok := h.store.recent.chats.Get(first.Chat.ID); ok && kept.seq == 7 {
			t.Error("what is too long is kept")
		}
	})
}
