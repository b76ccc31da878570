package chat

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/auth"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Register adds the routes of customers and vendors. The router must let only them through.
// Every answer is the same envelope that the socket events carry.
func Register(api *httpjson.API, s *Service) {
	httpjson.Handle(api, userOperation(http.MethodGet, "listChats", "/chats", "My chats, latest activity first, each with its latest messages"),
		func(ctx context.Context, in *listQuery) (*reply[wire.Page[ChatJSON]], error) {
			inbox, err := s.Inbox(ctx, caller(ctx), InboxInput{Cursor: in.Cursor, Limit: in.Limit})
			if err != nil {
				return nil, err
			}
			return &reply[wire.Page[ChatJSON]]{toInbox(inbox)}, nil
		})

	httpjson.Handle(api, userOperation(http.MethodGet, "getChat", "/chats/{chatId}", "One of my chats with its latest messages", 404),
		func(ctx context.Context, in *chatPath) (*reply[wire.Envelope[ChatJSON]], error) {
			return s.restChat(ctx, in.ChatID)
		})

	httpjson.Handle(api, userOperation(http.MethodGet, "getChatByProduct", "/chats/by-product/{productId}/{vendorId}/{customerId}", "The one chat of a product, a vendor and a customer, when I am one of the two", 404),
		func(ctx context.Context, in *triplePath) (*reply[wire.Envelope[ChatJSON]], error) {
			id, err := s.ByProduct(ctx, caller(ctx), in.ProductID, in.VendorID, in.CustomerID)
			if err != nil {
				return nil, err
			}
			return s.restChat(ctx, id)
		})

	httpjson.Handle(api, userOperation(http.MethodGet, "listMessages", "/chats/{chatId}/messages", "A page of a chat's history, oldest first; nextCursor is the next beforeSeq or afterSeq", 404),
		func(ctx context.Context, in *historyQuery) (*reply[wire.Page[MessageJSON]], error) {
			p, err := s.Messages(ctx, caller(ctx), in.ChatID, in.page())
			if err != nil {
				return nil, err
			}
			return &reply[wire.Page[MessageJSON]]{toHistory(p, in.page())}, nil
		})

	registerSafety(api, s)

	send := userOperation(http.MethodPost, "sendMessage", "/chats/messages", "Send a message, opening the chat when it is the first; repeat with the same key after a failure", 403, 404, 409, 413)
	send.DefaultStatus = http.StatusCreated
	httpjson.Handle(api, send, s.restSend)

	httpjson.Handle(api, userOperation(http.MethodPost, "markAsRead", "/chats/{chatId}/read", "Move my read position forward", 404, 413),
		func(ctx context.Context, in *readBodyInput) (*reply[wire.Envelope[ReadAnswerJSON]], error) {
			var upTo *int64
			if in.Body != nil {
				upTo = in.Body.UpToSeq
			}
			r, err := s.MarkRead(ctx, caller(ctx), in.ChatID, upTo, "")
			if err != nil {
				return nil, err
			}
			return respond("Messages marked as read", ReadAnswerJSON{ChatID: r.ChatID, ReadSeq: r.ReadSeq, UnreadCount: r.Unread}), nil
		})

	httpjson.Handle(api, userOperation(http.MethodDelete, "deleteMessage", "/chats/{chatId}/messages/{messageId}", "Delete a message I wrote; its place stays, empty", 403, 404),
		func(ctx context.Context, in *messagePath) (*reply[wire.Envelope[DeletedJSON]], error) {
			d, err := s.Delete(ctx, caller(ctx), in.ChatID, in.MessageID)
			if err != nil {
				return nil, err
			}
			return &reply[wire.Envelope[DeletedJSON]]{deletedBody(d.ChatID, d.MessageID, d.Seq)}, nil
		})
}

func (s *Service) restChat(ctx context.Context, chatID string) (*reply[wire.Envelope[ChatJSON]], error) {
	p, err := s.Open(ctx, caller(ctx), chatID, inboxPage)
	if err != nil {
		return nil, err
	}
	return respond("Chats have been loaded", toWholeChat(p, caller(ctx))), nil
}

func (s *Service) restSend(ctx context.Context, in *sendBody) (*reply[SentReply], error) {
	key := in.Body.ClientMessageID
	switch {
	case key == "":
		in.Body.ClientMessageID = in.Key
	case in.Key != "" && in.Key != key:
		return nil, invalid("the Idempotency-Key header and clientMessageId are two keys: send one of them")
	}
	// What was accepted is finished also when the caller hangs up: a retry finds it by its key.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpjson.Timeout)
	defer cancel()
	id, _ := auth.FromContext(ctx)
	sent, err := s.Send(ctx, id, in.Body.input(""))
	if err != nil {
		return nil, err
	}
	return &reply[SentReply]{toSentReply(sent)}, nil
}

func userOperation(method, id, path, summary string, errs ...int) huma.Operation {
	return huma.Operation{
		Method: method, OperationID: id, Path: "/api/v1" + path, Summary: summary, Tags: []string{"Chats"},
		Security: []map[string][]string{{"user": {}}}, Errors: append([]int{400, 401, 403, 429, 503}, errs...),
	}
}

// caller is who the middleware has let through; the zero UserRef, who is in no chat, when a
// route was mounted without it.
func caller(ctx context.Context) models.UserRef {
	id, _ := auth.FromContext(ctx)
	return id.User
}
