package nestchat

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/httpjson"
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
}

func (n *NestChat) handle(h func(w http.ResponseWriter, r *http.Request, who auth.Identity) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		who, err := n.house.Caller(r)
		if err == nil {
			var body any
			if body, err = h(w, r, who); err == nil {
				httpjson.Write(w, http.StatusCreated, body)
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
	number, err := strconv.ParseInt(chi.URLParam(r, "id"), 10, 64)
	if err != nil {
		return nil, apperr.New(apperr.NotFound, "Conversation not found")
	}
	id, err := n.house.Chats.ByNumber(r.Context(), who.User, number)
	if err != nil {
		return nil, conversationNotFound(err)
	}
	sent, err := n.house.Chats.Send(r.Context(), who, chat.SendInput{ChatID: id, Text: in.Message, Key: r.Header.Get("Idempotency-Key")})
	if err != nil {
		return nil, err
	}
	return toMessage(number, sent.Message, false), nil
}
