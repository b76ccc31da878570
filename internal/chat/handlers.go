package chat

import (
	"context"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

const (
	wholeChat   = 500 // messages loadMessages carries at most; fewer when they are long
	maxJoinable = 50  // chats one joinChat names at most
)

// bindEvents is the table of what a client may ask.
func (n *Namespace) bindEvents() {
	realtime.OnAsync(n.nsp, realtime.Event{Name: "sendMessage", Answer: "sentMessage",
		Doc: "Stores a message and answers when its commit is flushed. Opens the chat when there is none."}, n.send)
	realtime.On(n.nsp, realtime.Event{Name: "joinChat",
		Doc: "Opens a chat: loadMessages for the caller, and what the other side wrote counts as read."}, n.join)
	realtime.On(n.nsp, realtime.Event{Name: "markAsRead", Answer: "markAsRead",
		Doc: "Moves the caller's read position, never back."}, n.markAsRead)
	realtime.On(n.nsp, realtime.Event{Name: "deleteMessage",
		Doc: "Turns one of the caller's own messages into a tombstone."}, n.deleteMessage)
	realtime.On(n.nsp, realtime.Event{Name: "typing",
		Doc: "Tells the other side that the caller is typing; it ends by itself after six seconds."}, n.startTyping)
	realtime.On(n.nsp, realtime.Event{Name: "stoppedTyping",
		Doc: "Tells the other side that the caller has stopped typing."}, n.stopTyping)
	realtime.On(n.nsp, realtime.Event{Name: "getUserChats", Answer: "userChats", OptionalPayload: true,
		Doc: "A page of the caller's chats, latest activity first; answered as userChats and getUserChats."}, n.userChats)
	realtime.On(n.nsp, realtime.Event{Name: "joinRooms", Answer: "joinRooms", OptionalPayload: true,
		Doc: "Joins all of the caller's chats. Messages arrive without it."}, n.joinRooms)
	realtime.On(n.nsp, realtime.Event{Name: "getMessages", Answer: "getMessages",
		Doc: "A page of a chat's history, oldest first."}, n.history)
	realtime.On(n.nsp, realtime.Event{Name: "resume", Answer: "resume",
		Doc: "Everything after the given places: new messages, deletions, both sides' positions."}, n.resume)
	realtime.On(n.nsp, realtime.Event{Name: "messagesDelivered",
		Doc: "Confirms that messages up to a place have arrived."}, n.delivered)
	n.bindSafety()
	realtime.HandleRefresh(n.nsp)
}

// declareEvents is the table of what the server says unasked.
func (n *Namespace) declareEvents() {
	n.nsp.Emits("connection", "You are admitted; userChats and offlineMessages follow.", wire.Envelope[ConnectedJSON]{})
	n.nsp.Emits("userChats", "Your chats with the latest activity, newest first.", wire.Page[ChatJSON]{})
	n.nsp.Emits("offlineMessages", "What was sent while you were away, oldest first; empty when nothing was.", wire.Envelope[[]MessageJSON]{})
	n.nsp.Emits("newChat", "The first message of a chat.", wire.Envelope[ChatJSON]{})
	n.nsp.Emits("receiveMessage", "A message of the other side, or of another device of yours.", wire.Envelope[ReceivedJSON]{})
	n.nsp.Emits("loadMessages", "A chat you have joined.", wire.Envelope[ChatJSON]{})
	n.nsp.Emits("updateReadReceipts", "Somebody has read further.", wire.Envelope[ReadReceiptJSON]{})
	n.nsp.Emits("messageStatus", "Messages of yours have reached the other side.", wire.Envelope[DeliveryJSON]{})
	n.nsp.Emits("deleteMessage", "A message became a tombstone.", wire.Envelope[DeletedJSON]{})
	n.nsp.Emits("messageDeleted", "The same as deleteMessage.", wire.Envelope[DeletedJSON]{})
	n.nsp.Emits("typing", "The other side is typing.", wire.Envelope[TypingJSON]{})
	n.nsp.Emits("stoppedTyping", "The other side has stopped typing.", wire.Envelope[TypingJSON]{})
	n.nsp.Emits("userTyping", "The same as typing and stoppedTyping; isTyping tells which.", wire.Envelope[TypingJSON]{})
	n.nsp.Emits("userIsOnline", "Somebody you share a chat with has come.", wire.Envelope[ConnectedJSON]{})
	n.nsp.Emits("userIsOffline", "Somebody you share a chat with has gone.", wire.Envelope[GoneJSON]{})
	n.nsp.Emits("appError", "A request failed, or the connection was refused.", wire.Failure{})
}

// send hands a message to the committer. The answer takes its turn in the socket's stream, so that
// seq rises there too.
func (n *Namespace) send(ctx context.Context, c *realtime.Conn, in SendRequest, done func(SentReply, error)) {
	input, id := in.input(c.ID()), ""
	input.Named = func(messageID string) {
		id = messageID
		n.feed.Expect(c, id)
	}
	n.service.SendAsync(ctx, c.Identity(), input, func(sent Sent, err error) {
		if err != nil {
			n.feed.Forget(c, id)
			done(SentReply{}, err)
			return
		}
		n.feed.Answer(c, id, sent.Message.ChatID, sent.Message.Seq, func() { done(toSentReply(sent), nil) })
	})
}

func (n *Namespace) join(ctx context.Context, c *realtime.Conn, in JoinRequest) (any, error) {
	ids, err := n.named(ctx, c.User(), in)
	if err != nil {
		return nil, err
	}
	answers := make([]wire.Envelope[ChatJSON], 0, len(ids))
	for _, id := range ids {
		if _, err := n.service.MarkRead(ctx, c.User(), id, nil, c.ID()); err != nil {
			return nil, err
		}
		page, err := n.service.Open(ctx, c.User(), id, wholeChat)
		if err != nil {
			return nil, err
		}
		answers = append(answers, wire.OK("Chats have been loaded", toWholeChat(page, c.User())))
	}
	for _, a := range answers {
		if err := c.Emit("loadMessages", a); err != nil {
			return nil, err
		}
		n.feed.Has(c, a.Data.ID, a.Data.LastSeq)
	}
	defer c.Ping() // its answer proves that what was just read has arrived
	if len(answers) == 1 {
		return answers[0], nil
	}
	all := make([]ChatJSON, 0, len(answers))
	for _, a := range answers {
		a.Data.Messages = newest(a.Data.Messages, maxEmit/len(answers)-chatOverhead/4)
		all = append(all, a.Data)
	}
	return wire.OK("Chats have been loaded", all), nil
}

// named are the chats a joinChat means; each must be the caller's.
func (n *Namespace) named(ctx context.Context, u models.UserRef, in JoinRequest) ([]string, error) {
	ids := []string(in.ChatIDs)
	if in.ChatID != "" {
		ids = []string{in.ChatID}
	}
	if len(ids) > maxJoinable {
		return nil, invalid("chatIds names %d chats: at most %d at once", len(ids), maxJoinable)
	}
	var last error
	for i, id := range ids {
		e, err := n.service.entryOf(ctx, u, id)
		if err != nil {
			last = err
			break
		}
		ids[i] = e.chat.ID
	}
	if len(ids) > 0 && last == nil {
		return ids, nil
	}
	if in.ProductID == "" || in.RecipientID == "" || len(ids) > 1 {
		if last != nil {
			return nil, last
		}
		return nil, invalid("joinChat: name a chat by chatId, by chatIds, or by productId and recipientId")
	}
	t, err := tripleOf(u, string(in.ProductID), string(in.RecipientID))
	if err != nil {
		return nil, err
	}
	e, err := n.service.entryOfTriple(ctx, t)
	if err != nil {
		return nil, err
	}
	return []string{e.chat.ID}, nil
}

func (n *Namespace) markAsRead(ctx context.Context, c *realtime.Conn, in ReadRequest) (wire.Envelope[ReadAnswerJSON], error) {
	r, err := n.service.MarkRead(ctx, c.User(), in.ChatID, in.UpToSeq, c.ID())
	if err != nil {
		return wire.Envelope[ReadAnswerJSON]{}, err
	}
	if in.UpToSeq != nil { // who names a place has it
		n.service.Confirm(c.User(), r.ChatID, min(*in.UpToSeq, r.ReadSeq))
	} else {
		defer c.Ping() // proves what this socket was given
	}
	return wire.OK("Messages marked as read", ReadAnswerJSON{ChatID: r.ChatID, ReadSeq: r.ReadSeq, UnreadCount: r.Unread}), nil
}

// deleteMessage answers by the acknowledgement; the documented event comes with the deletion itself,
// to the caller too, so it is emitted here only when nothing changed.
func (n *Namespace) deleteMessage(ctx context.Context, c *realtime.Conn, in DeleteRequest) (wire.Envelope[DeletedJSON], error) {
	d, err := n.service.Delete(ctx, c.User(), in.ChatID, in.MessageID)
	if err != nil {
		return wire.Envelope[DeletedJSON]{}, err
	}
	body := deletedBody(d.ChatID, d.MessageID, d.Seq)
	if d.Again {
		return body, c.Emit("deleteMessage", body)
	}
	return body, nil
}

func (n *Namespace) startTyping(ctx context.Context, c *realtime.Conn, in ChatRequest) (wire.Note, error) {
	return wire.Note{Message: "User is typing", StatusCode: 200}, n.service.Typing(ctx, c.User(), in.ChatID)
}

func (n *Namespace) stopTyping(ctx context.Context, c *realtime.Conn, in ChatRequest) (wire.Note, error) {
	return wire.Note{Message: "User has stopped typing", StatusCode: 200}, n.service.StoppedTyping(ctx, c.User(), in.ChatID)
}

func (n *Namespace) userChats(ctx context.Context, c *realtime.Conn, in ListRequest) (wire.Page[ChatJSON], error) {
	inbox, err := n.service.Inbox(ctx, c.User(), InboxInput{Cursor: in.Cursor, Limit: in.Limit})
	if err != nil {
		return wire.Page[ChatJSON]{}, err
	}
	page := toInbox(inbox)
	if err := c.Emit("getUserChats", page); err != nil {
		return wire.Page[ChatJSON]{}, err
	}
	return page, c.Drain(ctx) // the same page follows as userChats
}

// joinRooms has nothing to do: everybody in a chat hears of it. It is answered because clients ask.
func (n *Namespace) joinRooms(context.Context, *realtime.Conn, struct{}) (wire.Note, error) {
	return wire.Note{Message: "User joined all chat rooms", StatusCode: 200}, nil
}

func (n *Namespace) history(ctx context.Context, c *realtime.Conn, in HistoryRequest) (wire.Page[MessageJSON], error) {
	ask := PageInput{BeforeSeq: in.BeforeSeq, AfterSeq: in.AfterSeq, Limit: in.Limit}
	page, err := n.service.Messages(ctx, c.User(), in.ChatID, ask)
	if err != nil {
		return wire.Page[MessageJSON]{}, err
	}
	return toHistory(page, ask), nil
}

func (n *Namespace) resume(ctx context.Context, c *realtime.Conn, in ResumeRequest) (wire.Envelope[[]ResumedJSON], error) {
	places := make(map[string]Place, len(in.Positions))
	for id, p := range in.Positions {
		places[id] = Place(p)
	}
	list, err := n.service.Resume(ctx, c.User(), places)
	if err != nil {
		return wire.Envelope[[]ResumedJSON]{}, err
	}
	return wire.OK("Chats have been resumed", toResumed(list)), nil
}

func (n *Namespace) delivered(ctx context.Context, c *realtime.Conn, in DeliveredRequest) (wire.Note, error) {
	return wire.Note{Message: "Delivery has been noted", StatusCode: 200}, n.service.Delivered(ctx, c.User(), in.ChatID, in.UpToSeq)
}
