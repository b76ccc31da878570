package expresschat

import (
	"context"
	"errors"
	"slices"

	"chaffer/internal/apperr"
	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// bindEvents is the table of what a client of this contract may ask.
func (e *ExpressChat) bindEvents(n *realtime.Namespace) {
	on(n, "fetch-self-chat", "The caller's notes to themselves.", e.fetchSelf)
	on(n, "send-self-message", "A note to oneself; nobody is told.", e.sendSelf)
	on(n, "create-personal-chat", "Opens the chat with somebody.", e.createPersonal)
	on(n, "fetch-personal-chat", "A chat of two with its newest messages.", e.fetchPersonal)
	on(n, "send-personal-message", "A message to the other one.", func(ctx context.Context, c *realtime.Conn, in PersonalRequest) (Done, error) {
		return e.send(ctx, c, in.ChatID, in.Content)
	})
	on(n, "read-personal-message", "The caller has read the chat.", func(ctx context.Context, c *realtime.Conn, in ChatRequest) (Done, error) {
		return e.read(ctx, c, in.ChatID)
	})
	on(n, "create-group-chat", "Opens a group; the caller is its admin.", e.createGroup)
	on(n, "fetch-group-chat", "A group with its newest messages.", e.fetchGroup)
	on(n, "send-group-message", "A message to everybody in the group.", func(ctx context.Context, c *realtime.Conn, in GroupRequest) (Done, error) {
		return e.send(ctx, c, in.GroupID, in.Content)
	})
	on(n, "read-group-message", "The caller has read the group.", func(ctx context.Context, c *realtime.Conn, in GroupRequest) (Done, error) {
		return e.read(ctx, c, in.GroupID)
	})
	on(n, "add-member", "The admin brings somebody in.", e.addMember)
	on(n, "kickout", "The admin puts somebody out.", func(ctx context.Context, c *realtime.Conn, in MemberRequest) (Done, error) {
		return e.change(ctx, in, func(u models.UserRef) error { return e.house.Chats.RemoveMember(ctx, c.User(), in.GroupID, u) })
	})
	on(n, "change-admin", "The admin hands the group over.", func(ctx context.Context, c *realtime.Conn, in MemberRequest) (Done, error) {
		return e.change(ctx, in, func(u models.UserRef) error { return e.house.Chats.HandOver(ctx, c.User(), in.GroupID, u) })
	})
	on(n, "leave-grp", "The caller leaves a group.", e.leave)
	declare(n)
}

// on registers a handler whose answer is an acknowledgement; the document's events are emitted by it.
func on[Req any](n *realtime.Namespace, name, doc string, h func(ctx context.Context, c *realtime.Conn, in Req) (Done, error)) {
	realtime.On(n, realtime.Event{Name: name, Doc: doc, OptionalPayload: name == "fetch-self-chat"}, h)
}

// chatID is a chat as a client names it: the self chat has its user's id.
func (e *ExpressChat) chatID(ctx context.Context, c *realtime.Conn, id string) (string, error) {
	if id != dialect.ID(c.User()) {
		return id, nil
	}
	o, err := e.house.Chats.OpenSelf(ctx, c.User())
	return o.Chat.ID, err
}

// done is the acknowledgement of what succeeded.
var done = Done{Success: true}

// person is a user by id, or by the e-mail address of an account.
func (e *ExpressChat) person(ctx context.Context, field string, id dialect.Text) (models.UserRef, error) {
	text := string(id)
	u, err := e.accounts.ByEmail(ctx, text)
	if err == nil {
		return u, nil
	}
	if !apperr.Is(err, apperr.NotFound) && !apperr.Is(err, apperr.Invalid) {
		return u, err
	}
	return dialect.ParseRef(field, text)
}

func (e *ExpressChat) fetchSelf(ctx context.Context, c *realtime.Conn, _ struct{}) (Done, error) {
	o, err := e.house.Chats.OpenSelf(ctx, c.User())
	if err != nil {
		return Done{}, err
	}
	p, err := e.house.Chats.Open(ctx, c.User(), o.Chat.ID, chat.MaxPage)
	if err != nil {
		return Done{}, err
	}
	return done, c.Emit("self-chat", SelfChat{e.messages(ctx, p), e.house.Name(ctx, c.User())})
}

func (e *ExpressChat) sendSelf(ctx context.Context, c *realtime.Conn, in SelfRequest) (Done, error) {
	o, err := e.house.Chats.OpenSelf(ctx, c.User())
	if err != nil {
		return Done{}, err
	}
	return e.send(ctx, c, o.Chat.ID, in.Content)
}

func (e *ExpressChat) createPersonal(ctx context.Context, c *realtime.Conn, in OpenRequest) (Done, error) {
	u, err := e.person(ctx, "Receiver", in.Receiver)
	if err != nil {
		return Done{}, err
	}
	o, err := e.house.Chats.OpenDirect(ctx, c.User(), u)
	if err != nil {
		return Done{}, err
	}
	if o.New { // both are told by the event
		return done, nil
	}
	return done, c.Emit("create-personal-chat-creator", PersonalOpened{o.Chat.ID, e.partner(ctx, o.Members, c.User())})
}

func (e *ExpressChat) fetchPersonal(ctx context.Context, c *realtime.Conn, in ChatRequest) (Done, error) {
	id, err := e.chatID(ctx, c, in.ChatID)
	if err != nil {
		return Done{}, err
	}
	p, err := e.house.Chats.Open(ctx, c.User(), id, chat.MaxPage)
	if err != nil {
		return Done{}, err
	}
	people := make([]models.UserRef, 0, len(p.Members))
	for _, m := range p.Members {
		people = append(people, m.User())
	}
	if err := e.root.Shown(ctx, c, p); err != nil {
		return Done{}, err
	}
	return done, c.Emit("personal-chat", PersonalChat{
		e.messages(ctx, p), dialect.ID(c.User()), e.house.Name(ctx, c.User()), e.partner(ctx, people, c.User()),
	})
}

func (e *ExpressChat) send(ctx context.Context, c *realtime.Conn, chatID, content string) (Done, error) {
	id, err := e.chatID(ctx, c, chatID)
	if err != nil {
		return Done{}, err
	}
	_, err = e.house.Chats.Send(ctx, c.Identity(), chat.SendInput{ChatID: id, Text: content, Origin: c.ID()})
	return done, err
}

func (e *ExpressChat) read(ctx context.Context, c *realtime.Conn, chatID string) (Done, error) {
	id, err := e.chatID(ctx, c, chatID)
	if err != nil {
		return Done{}, err
	}
	_, err = e.house.Chats.MarkRead(ctx, c.User(), id, nil, c.ID())
	return done, err
}

func (e *ExpressChat) createGroup(ctx context.Context, c *realtime.Conn, in NewGroupRequest) (Done, error) {
	g := chat.GroupInput{Title: in.Name, Description: in.Description}
	for _, text := range in.Participants {
		u, err := e.person(ctx, "Participants", text)
		if err != nil {
			return Done{}, err
		}
		g.Members = append(g.Members, u)
	}
	_, err := e.house.Chats.OpenGroup(ctx, c.User(), g)
	return done, err
}

func (e *ExpressChat) fetchGroup(ctx context.Context, c *realtime.Conn, in GroupRequest) (Done, error) {
	p, err := e.house.Chats.Open(ctx, c.User(), in.GroupID, chat.MaxPage)
	if err != nil {
		return Done{}, err
	}
	out := GroupChat{Name: p.Chat.Title, Description: p.Chat.Description, Participants: []Member{}, Messages: e.messages(ctx, p)}
	slices.SortFunc(p.Members, func(a, b models.Member) int { return a.JoinedAt.Compare(b.JoinedAt) })
	for _, m := range p.Members {
		if m.Role == "admin" && out.Admin == "" {
			out.Admin = dialect.ID(m.User())
		}
		out.Participants = append(out.Participants, Member{dialect.ID(m.User()), e.house.Name(ctx, m.User())})
	}
	if err := e.root.Shown(ctx, c, p); err != nil {
		return Done{}, err
	}
	return done, c.Emit("group-chat", out)
}

func (e *ExpressChat) addMember(ctx context.Context, c *realtime.Conn, in MemberRequest) (Done, error) {
	_, err := e.change(ctx, in, func(u models.UserRef) error { return e.house.Chats.AddMember(ctx, c.User(), in.GroupID, u) })
	if err != nil {
		return Done{}, errors.Join(err, c.Emit("add-member-fail", Reason{apperr.Describe(err).Message}))
	}
	return done, nil
}

func (e *ExpressChat) leave(ctx context.Context, c *realtime.Conn, in GroupRequest) (Done, error) {
	if err := e.house.Chats.Leave(ctx, c.User(), in.GroupID); err != nil {
		return Done{}, errors.Join(err, c.Emit("group-left-fail", Reason{apperr.Describe(err).Message}))
	}
	return done, nil
}

func (e *ExpressChat) change(ctx context.Context, in MemberRequest, change func(models.UserRef) error) (Done, error) {
	u, err := e.person(ctx, "Member", in.Member)
	if err != nil {
		return Done{}, err
	}
	return done, change(u)
}
