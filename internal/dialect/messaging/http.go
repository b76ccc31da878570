package messaging

import (
	"cmp"
	"net/http"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

const (
	defaultLimit = 50
	maxSkip      = 10_000
	maxListed    = 100
)

// existing is an answer that created nothing.
type existing struct{ body any }

// handle answers with what h returns, and in this contract's way when it fails.
func (m *Messaging) handle(status int, h func(r *http.Request, w http.ResponseWriter, who auth.Identity) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := status
		who, err := m.house.Caller(r)
		if err == nil {
			var body any
			if body, err = h(r, w, who); err == nil {
				if there, ok := body.(existing); ok {
					status, body = http.StatusOK, there.body
				}
				httpjson.Write(w, status, body)
				return
			}
		}
		httpjson.Error(w, r, m.house.Log, err)
	}
}

// Routes adds this contract's REST surface.
func (m *Messaging) Routes(r chi.Router) {
	r.Post("/api/conversation", m.handle(http.StatusCreated, m.create))
	r.Get("/api/conversation", m.handle(http.StatusOK, m.list))
	r.Get("/api/conversation/{id}", m.handle(http.StatusOK, m.one))
	r.Delete("/api/conversation/{id}", m.handle(http.StatusOK, m.remove))
	r.Post("/api/conversation/participant/add", m.handle(http.StatusOK, m.addParticipant))
	r.Post("/api/conversation/participant/remove", m.handle(http.StatusOK, m.removeParticipant))
	r.Post("/api/attachment", m.handle(http.StatusCreated, m.attach))
	r.Post("/api/message", m.handle(http.StatusCreated, m.post))
	r.Get("/api/message/{id}", m.handle(http.StatusOK, m.history))
	r.Put("/api/message/read/{id}", m.handle(http.StatusOK, m.readByREST))
	r.Delete("/api/message/{id}", m.handle(http.StatusOK, m.deleteMessage))
}

func (m *Messaging) create(r *http.Request, w http.ResponseWriter, who auth.Identity) (any, error) {
	var in CreateRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return nil, err
	}
	others, err := participants(who.User, in.Participants)
	if err != nil {
		return nil, err
	}
	var o chat.Opened
	switch {
	case in.IsGroup:
		o, err = m.house.Chats.OpenGroup(r.Context(), who.User, chat.GroupInput{Title: cmp.Or(in.GroupName, "Group"), Members: others})
	case len(others) != 1:
		return nil, apperr.New(apperr.Invalid, "participants must name two people, you and one other; for more, set isGroup")
	default:
		o, err = m.house.Chats.OpenDirect(r.Context(), who.User, others[0])
	}
	if err != nil {
		return nil, err
	}
	if !o.New {
		c, err := m.conversation(r, who, o.Chat.ID)
		return existing{c}, err
	}
	return toConversation(o.Chat, o.Members, nil), nil
}

func (m *Messaging) list(r *http.Request, _ http.ResponseWriter, who auth.Identity) (any, error) {
	out := []Conversation{}
	cursor := ""
	for { // the document knows no pages; what it lists is bounded all the same
		inbox, err := m.house.Chats.Inbox(r.Context(), who.User, chat.InboxInput{Cursor: cursor, Limit: maxListed, Empty: true})
		if err != nil {
			return nil, err
		}
		for _, i := range inbox.Items {
			var last *models.Message
			if n := len(i.Messages); n > 0 {
				last = &i.Messages[n-1]
			}
			out = append(out, toConversation(i.Chat, refs(i.Members), last))
		}
		if cursor = inbox.NextCursor; cursor == "" || len(out) >= 10*maxListed {
			return out, nil
		}
	}
}

func (m *Messaging) one(r *http.Request, _ http.ResponseWriter, who auth.Identity) (any, error) {
	return m.conversation(r, who, chi.URLParam(r, "id"))
}

func (m *Messaging) conversation(r *http.Request, who auth.Identity, id string) (Conversation, error) {
	p, err := m.house.Chats.Open(r.Context(), who.User, id, 1)
	if err != nil {
		return Conversation{}, err
	}
	var last *models.Message
	if len(p.Messages) > 0 {
		last = &p.Messages[0]
	}
	return toConversation(p.Chat, refs(p.Members), last), nil
}

func (m *Messaging) remove(r *http.Request, _ http.ResponseWriter, who auth.Identity) (any, error) {
	c, err := m.conversation(r, who, chi.URLParam(r, "id"))
	if err != nil {
		return nil, err
	}
	if err := m.house.Chats.Remove(r.Context(), who.User, c.ID); err != nil {
		return nil, err
	}
	now := wire.At(time.Now().UTC())
	c.IsDeleted, c.DeletedAt, c.UpdatedAt = true, &now, now
	return c, nil
}

func (m *Messaging) addParticipant(r *http.Request, w http.ResponseWriter, who auth.Identity) (any, error) {
	in, u, err := m.participant(r, w)
	if err != nil {
		return nil, err
	}
	if err := m.house.Chats.AddMember(r.Context(), who.User, in.ConversationID, u); err != nil {
		return nil, err
	}
	return m.conversation(r, who, in.ConversationID)
}

func (m *Messaging) removeParticipant(r *http.Request, w http.ResponseWriter, who auth.Identity) (any, error) {
	in, u, err := m.participant(r, w)
	if err != nil {
		return nil, err
	}
	before, err := m.conversation(r, who, in.ConversationID)
	if err != nil {
		return nil, err
	}
	if err := m.house.Chats.RemoveMember(r.Context(), who.User, in.ConversationID, u); err != nil {
		return nil, err
	}
	if u == who.User { // who has left sees the group as it was, without themselves
		before.Participants = without(before.Participants, u)
		return before, nil
	}
	return m.conversation(r, who, in.ConversationID)
}

// attach keeps a picture; its id goes into attachments. The document names ids of attachments and no
// way to get one.
func (m *Messaging) attach(r *http.Request, w http.ResponseWriter, who auth.Identity) (any, error) {
	a, err := m.house.Uploads.Receive(w, r, who.User)
	if err != nil {
		return nil, err
	}
	return Attachment{a.ID, a.ID, m.house.Uploads.Links().Picture(a.ID), a.MimeType, a.Size, wire.At(a.CreatedAt)}, nil
}

func (m *Messaging) post(r *http.Request, w http.ResponseWriter, who auth.Identity) (any, error) {
	var in SendRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return nil, err
	}
	sent, err := m.house.Chats.Send(r.Context(), who, chat.SendInput{
		ChatID: in.ConversationID, Text: in.Content, ImageIDs: in.Attachments, Key: r.Header.Get("Idempotency-Key"),
	})
	if err != nil {
		return nil, err
	}
	return toMessage(sent.Message, nil), nil
}

// history is a window of the newest messages, oldest first: skip leaves out the newest ones, before
// goes on from a message one has.
func (m *Messaging) history(r *http.Request, _ http.ResponseWriter, who auth.Identity) (any, error) {
	limit, err := number(r, "limit", defaultLimit, chat.MaxPage)
	if err != nil {
		return nil, err
	}
	skip, err := number(r, "skip", 0, maxSkip)
	if err != nil {
		return nil, err
	}
	id := chi.URLParam(r, "id")
	p, err := m.house.Chats.Open(r.Context(), who.User, id, 1)
	if err != nil {
		return nil, err
	}
	before := p.Chat.LastSeq + 1 - int64(skip)
	if from := r.URL.Query().Get("before"); from != "" {
		at, err := m.house.Chats.Find(r.Context(), who.User, from)
		if err != nil {
			return nil, err
		}
		before = at.Messages[0].Seq
	}
	if p, err = m.house.Chats.Messages(r.Context(), who.User, id, chat.PageInput{BeforeSeq: new(max(before, 0)), Limit: limit}); err != nil {
		return nil, err
	}
	return toMessages(p), nil
}

func (m *Messaging) readByREST(r *http.Request, _ http.ResponseWriter, who auth.Identity) (any, error) {
	return m.read(r.Context(), who.User, chi.URLParam(r, "id"), "")
}

func (m *Messaging) deleteMessage(r *http.Request, _ http.ResponseWriter, who auth.Identity) (any, error) {
	p, err := m.house.Chats.Find(r.Context(), who.User, chi.URLParam(r, "id"))
	if err != nil {
		return nil, err
	}
	if _, err := m.house.Chats.Delete(r.Context(), who.User, p.Chat.ID, p.Messages[0].ID); err != nil {
		return nil, err
	}
	if p, err = m.house.Chats.Find(r.Context(), who.User, p.Messages[0].ID); err != nil {
		return nil, err
	}
	return toMessage(p.Messages[0], p.Members), nil
}

// number reads a whole number of the query, bounded above.
func number(r *http.Request, name string, standard, most int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return standard, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, apperr.New(apperr.Invalid, name+" must be a whole number, 0 or more")
	}
	return min(n, most), nil
}
