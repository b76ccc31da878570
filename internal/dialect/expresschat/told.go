package expresschat

import (
	"context"
	"time"

	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// nameTimeout bounds the look-up of a name that is not in memory.
const nameTimeout = 2 * time.Second

// sent renders a new message for the others in its chat; the sender is told nothing.
func (e *ExpressChat) sent(m chat.MessageSent) dialect.Rendered {
	event, body := e.received(m.Chat, m.Message)
	send, sender := e.root.Frame(event, body), m.Message.Sender()
	return dialect.Rendered{Send: func(c *realtime.Conn) {
		if c.User() != sender {
			send(c)
		}
	}}
}

// missed renders a message that a session should have had while it was open. What was written before
// it came is in the lists, and asked for.
func (e *ExpressChat) missed(c *realtime.Conn, m models.Message) (string, any) {
	ctx, cancel := context.WithTimeout(context.Background(), nameTimeout)
	defer cancel()
	card, _, err := e.house.Chats.Card(ctx, m.ChatID)
	if err != nil {
		e.house.Log.Warn("a chat could not be read for a message that was missed", "chat", m.ChatID, "err", err)
		return "", nil
	}
	if m.Sender() == c.User() {
		return "", nil
	}
	return e.received(card, m)
}

func (e *ExpressChat) received(c models.Chat, m models.Message) (event string, body Received) {
	ctx, cancel := context.WithTimeout(context.Background(), nameTimeout)
	defer cancel()
	event = "receive-personal-message"
	if c.Kind == models.KindGroup {
		event = "receive-group-message"
	}
	return event, Received{m.ChatID, dialect.Content(m), e.house.Name(ctx, m.Sender()), dialect.ID(m.Sender())}
}

// event tells what else happens in chats.
func (e *ExpressChat) event(event chat.Event) {
	ctx, cancel := context.WithTimeout(context.Background(), nameTimeout)
	defer cancel()
	switch event := event.(type) {
	case chat.ReadMoved:
		e.readMoved(ctx, event)
	case chat.ChatOpened:
		e.opened(ctx, event)
	case chat.MembersChanged:
		e.membersChanged(ctx, event)
	}
}

func (e *ExpressChat) readMoved(ctx context.Context, m chat.ReadMoved) {
	c, _, err := e.house.Chats.Card(ctx, m.ChatID)
	if err != nil {
		e.house.Log.Warn("a read receipt was not told", "chat", m.ChatID, "err", err)
		return
	}
	reader := m.Reader.User()
	switch c.Kind {
	case models.KindSelf:
	case models.KindGroup:
		e.tell(m.Members, reader, "read-grp-msg-ack", ReadAck{m.ChatID, dialect.ID(reader)})
	default:
		e.tell(m.Members, reader, "read-personal-msg-ack", ReadAck{ChatID: m.ChatID})
	}
}

func (e *ExpressChat) opened(ctx context.Context, o chat.ChatOpened) {
	only := []models.UserRef{o.By}
	switch o.Chat.Kind {
	case models.KindDirect:
		e.tell(only, models.UserRef{}, "create-personal-chat-creator", PersonalOpened{o.Chat.ID, e.partner(ctx, o.Members, o.By)})
		e.tell(o.Members, o.By, "create-personal-chat-partner", PersonalOpened{o.Chat.ID, e.house.Name(ctx, o.By)})
	case models.KindGroup:
		e.tell(only, models.UserRef{}, "create-group-chat-creator", GroupOpened{o.Chat.ID, o.Chat.Title})
		e.tell(o.Members, o.By, "create-group-chat-receiver", GroupOpened{o.Chat.ID, o.Chat.Title})
	}
}

func (e *ExpressChat) membersChanged(_ context.Context, m chat.MembersChanged) {
	body := GroupChange{GroupID: m.ChatID, Name: m.Title, Member: dialect.ID(m.Who)}
	by, who := []models.UserRef{m.By}, []models.UserRef{m.Who}
	switch m.Change {
	case chat.MemberAdded:
		e.tell(by, models.UserRef{}, "add-member-success", body)
		e.tell(who, models.UserRef{}, "new-grp-added", body)
	case chat.MemberRemoved:
		e.tell(by, models.UserRef{}, "kickout-successful", body)
		e.tell(who, models.UserRef{}, "kicked-out", body)
		e.tell(m.Members, m.By, "someone-kicked-out", body)
	case chat.AdminChanged:
		e.tell(by, models.UserRef{}, "change-admin-success-creator", body)
		e.tell(who, models.UserRef{}, "change-admin-success-receiver", body)
	case chat.MemberLeft:
		e.tell(who, models.UserRef{}, "group-left-success", body)
		e.tell(m.Members, m.Who, "user-left-grp", body)
		if m.Successor != nil {
			e.tell([]models.UserRef{*m.Successor}, models.UserRef{}, "change-admin-success-receiver", GroupChange{m.ChatID, m.Title, dialect.ID(*m.Successor)})
		}
	}
}

// tell sends an event to the sessions of this contract of some people, except one of them.
func (e *ExpressChat) tell(people []models.UserRef, except models.UserRef, event string, body any) {
	e.root.Tell(pair, people, except, "", event, body)
}

// declare is the table of what the server says in this contract.
func declare(n *realtime.Namespace) {
	n.Emits("user-id", "Who the session is; the first of the three that come by themselves.", UserID{})
	n.Emits("personal-chat-list", "The chats of two.", PersonalList{})
	n.Emits("group-chat-list", "The groups.", GroupList{})
	n.Emits("auth-failure", "The pair is not valid; the session ends.", Reason{})
	n.Emits("self-chat", "Answers fetch-self-chat.", SelfChat{})
	n.Emits("personal-chat", "Answers fetch-personal-chat.", PersonalChat{})
	n.Emits("group-chat", "Answers fetch-group-chat.", GroupChat{})
	n.Emits("receive-personal-message", "A message of the other one.", Received{})
	n.Emits("receive-group-message", "A message of somebody else in a group.", Received{})
	n.Emits("read-personal-msg-ack", "The other one has read the chat.", ReadAck{})
	n.Emits("read-grp-msg-ack", "Somebody has read the group.", ReadAck{})
	n.Emits("create-personal-chat-creator", "The chat with somebody, to who asked for it.", PersonalOpened{})
	n.Emits("create-personal-chat-partner", "The same, to the other one.", PersonalOpened{})
	n.Emits("create-group-chat-creator", "A group, to who opened it.", GroupOpened{})
	n.Emits("create-group-chat-receiver", "The same, to the others in it.", GroupOpened{})
	for name, doc := range map[string]string{
		"add-member-success": "The admin brought somebody in.", "new-grp-added": "The session's user was brought in.",
		"kickout-successful": "The admin put somebody out.", "kicked-out": "The session's user was put out.",
		"someone-kicked-out": "Somebody else was.", "change-admin-success-creator": "The admin handed the group over.",
		"change-admin-success-receiver": "The session's user is the admin now.",
		"group-left-success":            "The session's user has left.", "user-left-grp": "Somebody else has.",
	} {
		n.Emits(name, doc, GroupChange{})
	}
	n.Emits("add-member-fail", "Nobody was brought in.", Reason{})
	n.Emits("group-left-fail", "The session's user has not left.", Reason{})
}
