package chat

import "testing"

// A message that is deleted while an answer is put together is not in it any more.
func TestResumeHandsOutNothingDeleted(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		first := must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", "stays")))
		second := must[Sent](t)(h.Send(t.Context(), asJohn, ask("p", "goes")))
		places := map[string]Place{first.Chat.ID: {}}
		read := must[[]Resumed](t)(h.Resume(t.Context(), asHaven.User, places))
		must[Deleted](t)(h.Delete(t.Context(), asJohn.User, second.Chat.ID, second.Message.ID))
		if err := h.freshen(t.Context(), asHaven.User, []string{first.Chat.ID}, places, read); err != nil {
			t.Fatal(err)
		}
		got := read[0].Messages
		if len(got) != 2 || got[0].Text != "stays" || got[1].DeletedAt == nil {
			t.Errorf("after the deletion: %+v", got)
		}
	})
}
