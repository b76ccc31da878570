package nestchat

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
)

// conversationNotFound says it in this contract's words.
func conversationNotFound(err error) error {
	if apperr.Is(err, apperr.NotFound) {
		return apperr.New(apperr.NotFound, "Conversation not found")
	}
	return err
}

// Routes adds this contract's REST surface. What is done here is told on the sockets as well.
func (n *NestChat) Routes(r chi.Router) {
	r.Post("/chats", n.handle(n.createByREST))
	r.Post("/chats/{id}/message", n.handle(n.post))
	r.Get("/chats/{id}/messages", n.handle(n.history))
}

func (n *NestChat) handle(h func(w http.ResponseWriter, r *http.Request, who auth.Identity) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := n.house.Caller(r)
		if err == nil {
			var body any
			if body, err = h(w, r, who); err == nil {
				status := http.StatusCreated
				if r.Method == http.MethodGet {
					status = http.StatusOK
				}
				httpjson.Write(w, status, body)
				return
			}
		}
		p := apperr.Describe(err)
		if p.Status >= http.StatusInternalServerError {
			n.house.Log.ErrorContext(r.Context(), "A request failed", "path", r.URL.Path, "status", p.Status, "err", err)
		}
		httpjson.Write(w, p.Status, Refusal{p.Status, p.Message, http.StatusText(p.Status)})
	}
}

func (n *NestChat) createByREST(w http.ResponseWriter, r *http.Request, who auth.Identity) (any, error) {
	var in CreateRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return nil, err
	}
	opened, number, err := n.open(r.Context(), who.User, in)
	if err != nil {
		return nil, err
	}
	return toConversation(number, opened.Chat, opened.Members), nil
}

func (n *NestChat) post(w http.ResponseWriter, r *http.Request, who auth.Identity) (any, error) {
	var in PostRequest
	if err := httpjson.Decode(w, r, &in); err != nil {
		return nil, err
	}
	number, id, err := n.named(r, who)
	if err != nil {
		return nil, err
	}
	sent, err := n.house.Chats.Send(r.Context(), who, chat.SendInput{ChatID: id, Text: in.Message, Key: r.Header.Get("Idempotency-Key")})
	if err != nil {
		return nil, err
	}
	return toMessage(number, sent.Message, false), nil
}

// history is the newest messages, oldest first, or those before ?before=. The document has no way to
// get what was written while one heard nothing.
func (n *NestChat) history(_ http.ResponseWriter, r *http.Request, who auth.Identity) (any, error) {
	number, id, err := n.named(r, who)
	if err != nil {
		return nil, err
	}
	ask := chat.PageInput{Limit: chat.MaxPage}
	if from := r.URL.Query().Get("before"); from != "" {
		at, err := strconv.ParseInt(from, 10, 64)
		if err != nil || at>>placeBits != number {
			return nil, apperr.New(apperr.Invalid, "before must be the id of a message of this conversation")
		}
		seq := at & (1<<placeBits - 1)
		ask.BeforeSeq = &seq
	}
	p, err := n.house.Chats.Messages(r.Context(), who.User, id, ask)
	if err != nil {
		return nil, conversationNotFound(err)
	}
	out := make([]Message, 0, len(p.Messages))
	for _, m := range p.Messages {
		read := slices.ContainsFunc(p.Members, func(o models.Member) bool { return o.User() != m.Sender() && o.ReadSeq >= m.Seq })
		out = append(out, toMessage(number, m, read))
	}
	return out, n.house.Shown(r.Context(), who.User, p)
}

// named is the conversation of the path.
func (n *NestChat) named(r *http.Request, who auth.Identity) (number int64, id string, err error) {
	number, err = strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return 0, "", apperr.New(apperr.NotFound, "Conversation not found")
	}
	id, err = n.house.Chats.ByNumber(r.Context(), who.User, number)
	return number, id, conversationNotFound(err)
}
