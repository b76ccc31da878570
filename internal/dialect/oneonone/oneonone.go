// Package oneonone speaks the contract of docs/DIALECTS.md called oneonone: conversations of two
// people under /api/v1/conversations, and chat-message for who has joined on the namespace "/".
package oneonone

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// newest is how many messages a conversation shows.
const newest = chat.MaxPage

// lookUp bounds the look-up of a conversation's people when they are not in memory.
const lookUp = 2 * time.Second

// OneOnOne is this contract on a node.
type OneOnOne struct {
	house dialect.House
	root  *dialect.Root
}

// Bind adds the contract to the shared namespace.
func Bind(house dialect.House, root *dialect.Root) *OneOnOne {
	o := &OneOnOne{house: house, root: root}
	root.Add(dialect.Contract{Message: o.message, Missed: o.missed}, false)
	realtime.On(root.Realtime(), realtime.Event{Name: "join", Doc: "Hears a conversation from now on; the payload is its id."}, o.join)
	root.Realtime().Emits("chat-message", "A new message of a conversation one has joined, one's own too.", ChatMessage{})
	return o
}

// room names a conversation among the rooms of the shared namespace.
func room(chatID string) string { return "oneonone:" + chatID }

func (o *OneOnOne) join(ctx context.Context, c *realtime.Conn, conversationID string) (Refusal, error) {
	p, err := o.house.Chats.Open(ctx, c.User(), conversationID, 1)
	if err != nil {
		return Refusal{}, err
	}
	o.root.Join(c, room(p.Chat.ID))
	return Refusal{Success: true, Message: "Joined."}, nil
}

// message renders a new message for the sockets that have joined its conversation.
func (o *OneOnOne) message(e chat.MessageSent) dialect.Rendered {
	id := e.Message.ChatID
	return dialect.Rendered{
		Gives: func(c *realtime.Conn) bool { return o.root.Joined(c, room(id)) },
		Send:  o.root.Frame("chat-message", ChatMessage{toMessage(e.Message, e.Members), id}),
	}
}

// missed renders a message that a socket which has joined should have had.
func (o *OneOnOne) missed(c *realtime.Conn, m models.Message) (string, any) {
	if !o.root.Joined(c, room(m.ChatID)) {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookUp)
	defer cancel()
	_, people, err := o.house.Chats.Card(ctx, m.ChatID)
	if err != nil {
		o.house.Log.Warn("the people of a conversation could not be read for a message that was missed", "chat", m.ChatID, "err", err)
	}
	return "chat-message", ChatMessage{toMessage(m, people), m.ChatID}
}

// Routes adds this contract's REST surface.
func (o *OneOnOne) Routes(r chi.Router) {
	r.Post("/api/v1/conversations", o.handle(o.start))
	r.Get("/api/v1/conversations/{id}", o.handle(o.one))
	r.Post("/api/v1/conversations/messages", o.handle(o.send))
}

func (o *OneOnOne) handle(h func(w http.ResponseWriter, r *http.Request, who auth.Identity) (int, Reply, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := o.house.Caller(r)
		var status int
		var reply Reply
		if err == nil {
			status, reply, err = h(w, r, who)
		}
		if err == nil {
			httpjson.Write(w, status, reply)
			return
		}
		p := apperr.Describe(err)
		if p.Status >= http.StatusInternalServerError {
			o.house.Log.ErrorContext(r.Context(), "A request failed", "path", r.URL.Path, "status", p.Status, "err", err)
		}
		httpjson.Write(w, p.Status, Refusal{Message: p.Message})
	}
}

func (o *OneOnOne) start(w http.ResponseWriter, r *http.Request, who auth.Identity) (int, Reply, error) {
	var in StartRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return 0, Reply{}, err
	}
	other, err := dialect.ParseRef("participant.userId", string(in.Participant.UserID))
	if err != nil {
		return 0, Reply{}, err
	}
	opened, err := o.house.Chats.OpenDirect(r.Context(), who.User, other)
	if err != nil {
		return 0, Reply{}, err
	}
	status := http.StatusOK
	if opened.New {
		status = http.StatusCreated
	}
	reply, err := o.conversation(r, who.User, opened.Chat.ID)
	return status, reply, err
}

// one is a conversation as it is; before goes back beyond the newest messages.
func (o *OneOnOne) one(_ http.ResponseWriter, r *http.Request, who auth.Identity) (int, Reply, error) {
	reply, err := o.conversation(r, who.User, chi.URLParam(r, "id"))
	return http.StatusOK, reply, err
}

func (o *OneOnOne) send(w http.ResponseWriter, r *http.Request, who auth.Identity) (int, Reply, error) {
	var in SendRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return 0, Reply{}, err
	}
	sent, err := o.house.Chats.Send(r.Context(), who, chat.SendInput{
		ChatID: in.ConversationID, Text: in.Message, Key: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return 0, Reply{}, err
	}
	reply, err := o.conversation(r, who.User, sent.Chat.ID)
	reply.Message = "Message sent successfully."
	return http.StatusCreated, reply, err
}

// conversation reads a conversation with its newest messages, or those before ?before=.
func (o *OneOnOne) conversation(r *http.Request, viewer models.UserRef, id string) (Reply, error) {
	ctx := r.Context()
	ask := chat.PageInput{Limit: newest}
	if from := r.URL.Query().Get("before"); from != "" {
		at, err := o.house.Chats.Find(ctx, viewer, from)
		if err != nil {
			return Reply{}, err
		}
		ask.BeforeSeq = &at.Messages[0].Seq
	}
	p, err := o.house.Chats.Messages(ctx, viewer, id, ask)
	if err != nil {
		return Reply{}, err
	}
	if err := o.house.Shown(ctx, viewer, p); err != nil {
		return Reply{}, err
	}
	return Reply{Success: true, Conversation: toConversation(p, invited(p), func(u models.UserRef) string { return o.house.Name(ctx, u) })}, nil
}

// invited is who was named second when the chat was opened.
func invited(p chat.Page) models.UserRef {
	var last models.Member
	for _, m := range p.Members {
		if m.JoinedAt.After(last.JoinedAt) {
			last = m
		}
	}
	return last.User()
}
