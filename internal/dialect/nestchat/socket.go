// Package nestchat speaks the contract of docs/DIALECTS.md called nestchat: rooms of two people on
// "/chat?dialect=nestchat", and POST /chats. Ids are integers.
package nestchat

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// NestChat is this contract on a node.
type NestChat struct {
	house dialect.House
	root  *dialect.Root

	numbers *lru.Cache[string, int64]
	opened  chan chat.ChatOpened // chats whose number has still to be read
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

const (
	openQueue  = 1024
	remembered = 50_000 // chats whose number is kept in memory
	timeout    = 5 * time.Second
)

// Bind registers the contract's own namespace. Close ends it.
func Bind(house dialect.House, server *realtime.Server) *NestChat {
	n := &NestChat{house: house, opened: make(chan chat.ChatOpened, openQueue)}
	var err error
	if n.numbers, err = lru.New[string, int64](remembered); err != nil {
		panic(err) // the size is a constant above zero
	}
	n.ctx, n.cancel = context.WithCancel(context.Background())
	n.root = dialect.NewRoot(house, func(h realtime.Hooks) *realtime.Namespace {
		return server.Dialect("/chat", "nestchat", h)
	}, dialect.ByToken(house), dialect.Failure)
	n.root.Add(dialect.Contract{Missed: n.missed, Message: n.message, Event: n.event}, false)
	n.wg.Go(n.announce)
	nsp := n.root.Realtime()
	realtime.On(nsp, realtime.Event{Name: "createConversation", Doc: "Opens the conversation with somebody."}, n.create)
	realtime.OnAsync(nsp, realtime.Event{Name: "sendMessage", Doc: "Sends a message to a conversation."}, n.send)
	realtime.On(nsp, realtime.Event{Name: "joinConversation", Doc: "Hears a conversation from now on."}, n.join)
	realtime.On(nsp, realtime.Event{Name: "leaveConversation", Doc: "Hears it no longer."}, n.leave)
	nsp.Emits("conversationCreated", "A conversation was opened with you, or by you.", Created{})
	nsp.Emits("newMessage", "A message in a conversation you hear.", NewMessage{})
	nsp.Emits("joinedConversation", "You hear a conversation.", Room{})
	nsp.Emits("leftConversation", "You hear it no longer.", Room{})
	return n
}

// Realtime is the namespace itself.
func (n *NestChat) Realtime() *realtime.Namespace { return n.root.Realtime() }

// Close stops what runs in the background.
func (n *NestChat) Close() {
	n.cancel()
	n.wg.Wait()
	n.root.Close()
}

func room(number int64) string { return "conversation_" + strconv.FormatInt(number, 10) }

func (n *NestChat) create(ctx context.Context, c *realtime.Conn, in CreateRequest) (Answer, error) {
	opened, number, err := n.open(ctx, c.User(), in)
	if err != nil {
		return Answer{}, err
	}
	conversation := toConversation(number, opened.Chat, opened.Members)
	if opened.New { // told to everybody by its event
		n.root.Join(c, room(number))
		return Answer{Success: true, Conversation: &conversation}, nil
	}
	if err := n.root.JoinSaying(c, room(number), "conversationCreated", Created{conversation, n.persons(ctx, opened.Members)}); err != nil {
		return Answer{}, err
	}
	return Answer{Success: true, Conversation: &conversation}, nil
}

func (n *NestChat) open(ctx context.Context, who models.UserRef, in CreateRequest) (chat.Opened, int64, error) {
	other, err := dialect.ParseRef("user2_id", string(in.User2ID))
	if err != nil {
		return chat.Opened{}, 0, err
	}
	opened, err := n.house.Chats.OpenDirect(ctx, who, other)
	if err != nil {
		return opened, 0, err
	}
	if !opened.New { // as they were named when it was opened
		if p, err := n.house.Chats.Open(ctx, who, opened.Chat.ID, 1); err == nil {
			slices.SortFunc(p.Members, func(a, b models.Member) int { return a.JoinedAt.Compare(b.JoinedAt) })
			opened.Members = opened.Members[:0:0]
			for _, m := range p.Members {
				opened.Members = append(opened.Members, m.User())
			}
		}
	}
	number, err := n.house.Chats.Number(ctx, opened.Chat.ID)
	return opened, number, err
}

func (n *NestChat) send(ctx context.Context, c *realtime.Conn, in SendRequest, done func(Answer, error)) {
	id, err := n.house.Chats.ByNumber(ctx, c.User(), in.ConvID)
	if err != nil {
		done(Answer{}, conversationNotFound(err))
		return
	}
	n.house.Chats.SendAsync(ctx, c.Identity(), chat.SendInput{ChatID: id, Text: in.Message.Message, Origin: c.ID()}, func(sent chat.Sent, err error) {
		body := toMessage(in.ConvID, sent.Message, false)
		done(Answer{Success: err == nil, Message: &body}, err)
	})
}

func (n *NestChat) join(ctx context.Context, c *realtime.Conn, in RoomRequest) (Answer, error) {
	id, err := n.house.Chats.ByNumber(ctx, c.User(), in.ConvID)
	if err != nil {
		return Answer{}, conversationNotFound(err)
	}
	if err := n.root.Rejoined(ctx, c, id); err != nil {
		return Answer{}, conversationNotFound(err)
	}
	return Answer{Success: true, ConvID: in.ConvID}, n.root.JoinSaying(c, room(in.ConvID), "joinedConversation", Room{in.ConvID})
}

func (n *NestChat) leave(ctx context.Context, c *realtime.Conn, in RoomRequest) (Answer, error) {
	if _, err := n.house.Chats.ByNumber(ctx, c.User(), in.ConvID); err != nil {
		return Answer{}, conversationNotFound(err)
	}
	n.root.Leave(c, room(in.ConvID))
	return Answer{Success: true, ConvID: in.ConvID}, c.Emit("leftConversation", Room{in.ConvID})
}

// message renders a new message for the sockets that hear its conversation. The number is known by
// then: nobody can have joined without it.
func (n *NestChat) message(e chat.MessageSent) dialect.Rendered {
	number, err := n.number(e.Message.ChatID)
	if err != nil {
		n.house.Log.Error("a conversation's number could not be read", "chat", e.Message.ChatID, "err", err)
		return dialect.Rendered{Gives: func(*realtime.Conn) bool { return false }}
	}
	return dialect.Rendered{
		Gives: func(c *realtime.Conn) bool { return n.root.Joined(c, room(number)) },
		Send:  n.root.Frame("newMessage", n.render(number, e.Message, false)),
	}
}

// missed renders a message that a socket of the room should have had.
func (n *NestChat) missed(c *realtime.Conn, m models.Message) (string, any) {
	number, err := n.number(m.ChatID)
	if err != nil || !n.root.Joined(c, room(number)) {
		return "", nil
	}
	return "newMessage", n.render(number, m, false)
}

// number is a chat's number, from memory after the first time: it never changes.
func (n *NestChat) number(chatID string) (int64, error) {
	if number, ok := n.numbers.Get(chatID); ok {
		return number, nil
	}
	ctx, cancel := context.WithTimeout(n.ctx, timeout)
	defer cancel()
	number, err := n.house.Chats.Number(ctx, chatID)
	if err == nil {
		n.numbers.Add(chatID, number)
	}
	return number, err
}

func (n *NestChat) render(number int64, m models.Message, read bool) NewMessage {
	ctx, cancel := context.WithTimeout(n.ctx, timeout)
	defer cancel()
	return NewMessage{toMessage(number, m, read), Person{id(m.Sender()), n.house.Name(ctx, m.Sender())}}
}

func (n *NestChat) persons(ctx context.Context, people []models.UserRef) []Person {
	out := make([]Person, 0, len(people))
	for _, u := range people {
		out = append(out, Person{id(u), n.house.Name(ctx, u)})
	}
	return out
}

// event tells both people's sockets of a new conversation, in the background: its number has to be made.
func (n *NestChat) event(e chat.Event) {
	opened, ok := e.(chat.ChatOpened)
	if !ok || opened.Chat.Kind != models.KindDirect {
		return
	}
	select {
	case n.opened <- opened:
	default:
		n.house.Log.Warn("a new conversation was not announced: too many at once", "chat", opened.Chat.ID)
	}
}

func (n *NestChat) announce() {
	for {
		select {
		case <-n.ctx.Done():
			return
		case e := <-n.opened:
			number, err := n.number(e.Chat.ID)
			if err != nil {
				n.house.Log.Warn("a new conversation was not announced", "chat", e.Chat.ID, "err", err)
				continue
			}
			for _, u := range e.Members {
				for _, c := range n.root.Realtime().Conns(u) {
					n.root.Join(c, room(number))
				}
			}
			n.root.Tell("", e.Members, models.UserRef{}, "", "conversationCreated",
				Created{toConversation(number, e.Chat, e.Members), n.persons(n.ctx, e.Members)})
		}
	}
}
