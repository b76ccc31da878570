package chat

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
)

func member(id string) auth.Identity {
	return auth.Identity{User: models.UserRef{Type: models.TypeMember, ID: id}}
}

func TestAPairHasOneDirectChat(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ann, bob := member("ann").User, member("bob").User
		var wg sync.WaitGroup
		ids := make([]string, 8)
		for i := range ids {
			wg.Go(func() {
				a, b := ann, bob
				if i%2 == 1 {
					a, b = bob, ann
				}
				o, err := h.OpenDirect(context.Background(), a, b)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = o.Chat.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("%v", ids)
			}
		}
		if _, err := h.OpenDirect(t.Context(), ann, ann); !apperr.Is(err, apperr.Invalid) {
			t.Errorf("with oneself: %v", err)
		}
		if err := h.Remove(t.Context(), ann, ids[0]); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Send(t.Context(), member("bob"), SendInput{ChatID: ids[0], Text: "x"}); !apperr.Is(err, apperr.NotFound) {
			t.Errorf("a send to a chat that was taken away: %v", err)
		}
		again := must[Opened](t)(h.OpenDirect(t.Context(), bob, ann))
		if again.Chat.ID != ids[0] || again.New {
			t.Errorf("opened again: %+v", again)
		}
	})
}

func TestSelfChatIsOne(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ann := member("ann")
		o := must[Opened](t)(h.OpenSelf(t.Context(), ann.User))
		must[Sent](t)(h.Send(t.Context(), ann, SendInput{ChatID: o.Chat.ID, Text: "milk"}))
		again := must[Opened](t)(h.OpenSelf(t.Context(), ann.User))
		if again.Chat.ID != o.Chat.ID || again.New {
			t.Errorf("%+v", again)
		}
		page := must[Page](t)(h.Messages(t.Context(), ann.User, o.Chat.ID, PageInput{}))
		if len(page.Messages) != 1 || page.Members[0].Unread != 0 {
			t.Errorf("%+v", page)
		}
	})
}

func TestGroup(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		ann, bob, cleo, dan := member("ann"), member("bob"), member("cleo"), member("dan")
		g := must[Opened](t)(h.OpenGroup(ctx, ann.User, GroupInput{Title: " Friends\n", Members: []models.UserRef{bob.User, ann.User, bob.User}}))
		if len(g.Members) != 2 || g.Chat.Title != "Friends" {
			t.Fatalf("%+v", g)
		}
		id := g.Chat.ID
		send := func(who auth.Identity, text string) error {
			_, err := h.Send(ctx, who, SendInput{ChatID: id, Text: text})
			return err
		}
		if err := send(bob, "hi"); err != nil {
			t.Fatal(err)
		}
		for name, c := range map[string]struct {
			err  error
			want apperr.Code
		}{
			"a member adds":          {h.AddMember(ctx, bob.User, id, cleo.User), apperr.Forbidden},
			"an outsider adds":       {h.AddMember(ctx, dan.User, id, dan.User), apperr.NotFound},
			"one is added twice":     {h.AddMember(ctx, ann.User, id, bob.User), apperr.Conflict},
			"an outsider writes":     {send(dan, "x"), apperr.NotFound},
			"nobody is put out":      {h.RemoveMember(ctx, ann.User, id, dan.User), apperr.NotFound},
			"a member hands over":    {h.HandOver(ctx, bob.User, id, bob.User), apperr.Forbidden},
			"a member takes it away": {h.Remove(ctx, bob.User, id), apperr.Forbidden},
		} {
			if !apperr.Is(c.err, c.want) {
				t.Errorf("%s: %v, want %d", name, c.err, c.want)
			}
		}
		if err := h.AddMember(ctx, ann.User, id, cleo.User); err != nil {
			t.Fatal(err)
		}
		if err := send(ann, "welcome"); err != nil {
			t.Fatal(err)
		}
		if m := must[models.Member](t)(h.store.member(ctx, id, cleo.User)); m.Unread != 1 || m.DeliveredSeq != 1 || m.LastSeq != 2 {
			t.Errorf("who joins has what is written from then on to read: %+v", m)
		}
		if err := h.Leave(ctx, ann.User, id); err != nil { // the last admin
			t.Fatal(err)
		}
		if err := send(ann, "still here?"); !apperr.Is(err, apperr.NotFound) {
			t.Errorf("who has left writes: %v", err)
		}
		if m := must[models.Member](t)(h.store.member(ctx, id, bob.User)); m.Role != roleAdmin {
			t.Errorf("the longest member is the admin now: %+v", m)
		}
		if err := h.HandOver(ctx, bob.User, id, cleo.User); err != nil {
			t.Fatal(err)
		}
		if err := h.RemoveMember(ctx, cleo.User, id, bob.User); err != nil {
			t.Fatal(err)
		}
		if err := h.AddMember(ctx, cleo.User, id, ann.User); err != nil {
			t.Errorf("somebody comes back: %v", err)
		}
		if got := must[[]models.Member](t)(h.Members(ctx, ann.User, id)); len(got) != 2 || got[0].User() != cleo.User {
			t.Errorf("%+v", got)
		}
	})
}

// Another node has put somebody out: this one still remembers them, the database does not.
func TestGroupsAreReadUnderTheLock(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		ctx := t.Context()
		ann, bob := member("ann"), member("bob")
		g := must[Opened](t)(h.OpenGroup(ctx, ann.User, GroupInput{Title: "g", Members: []models.UserRef{bob.User}}))
		must[Sent](t)(h.Send(ctx, bob, SendInput{ChatID: g.Chat.ID, Text: "1"}))
		m := MembersChanged{ChatID: g.Chat.ID, Change: MemberRemoved, Who: bob.User, By: ann.User}
		if err := h.store.changeMembers(ctx, &m, h.now()); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Send(ctx, bob, SendInput{ChatID: g.Chat.ID, Text: "2"}); !apperr.Is(err, apperr.NotFound) {
			t.Errorf("%v", err)
		}
		for i := range 3 {
			must[Sent](t)(h.Send(ctx, ann, SendInput{ChatID: g.Chat.ID, Text: fmt.Sprint(i)}))
		}
	})
}
