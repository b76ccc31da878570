package chat

import (
	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

// deliver gives an event of the service to this node's sockets of the people concerned. A frame is
// encoded once, when the first socket wants it.
func (n *Namespace) deliver(e Event) {
	switch e := e.(type) {
	case MessageSent:
		n.deliverMessage(e)
	case ReadMoved:
		n.tell(e.Members, models.UserRef{}, e.Origin, e.ChatID, "updateReadReceipts", func() any { return readBody(e) })
	case DeliveredMoved:
		n.tell(e.Members, e.Recipient, "", e.ChatID, "messageStatus", func() any { return deliveredBody(e) })
	case MessageDeleted:
		for _, event := range []string{"deleteMessage", "messageDeleted"} {
			n.tell(e.Members, models.UserRef{}, "", e.ChatID, event, func() any { return deletedBody(e.ChatID, e.MessageID, e.Seq) })
		}
	case BlockChanged, FrozenChanged:
		n.deliverSafety(e)
	case TypingChanged:
		event, body := typingBody(e)
		for _, event := range []string{event, "userTyping"} {
			n.tell(e.Members, e.User, "", e.ChatID, event, func() any { return body })
		}
	}
}

// deliverMessage gives a message to every socket of both sides but the one that sent it, in seq
// order for each socket.
func (n *Namespace) deliverMessage(e MessageSent) {
	m := toMessage(e.Message, 0)
	var plain lazyFrame
	for _, u := range e.Members {
		var opened lazyFrame // newChat says what is unread, which each side sees differently
		for _, c := range n.nsp.Conns(u) {
			if c.ID() == e.Origin {
				continue
			}
			var frame realtime.Frame
			var ok bool
			if e.Opened {
				frame, ok = opened.get(n, "newChat", func() any { return newChatBody(e, u, m) })
			} else {
				frame, ok = plain.get(n, "receiveMessage", func() any { return receivedBody(m) })
			}
			if ok {
				n.feed.Offer(c, m.ChatID, m.Seq, func() { c.Send(frame) })
			}
		}
	}
}

// tell gives something that is not a message to the sockets of some people, except those of one
// person and one socket, in its turn behind the messages before it.
func (n *Namespace) tell(people []models.UserRef, except models.UserRef, exceptSocket, chatID, event string, body func() any) {
	var lazy lazyFrame
	for _, u := range people {
		if u == except {
			continue
		}
		for _, c := range n.nsp.Conns(u) {
			if c.ID() == exceptSocket {
				continue
			}
			frame, ok := lazy.get(n, event, body)
			if ok {
				n.feed.Offer(c, chatID, 0, func() { c.Send(frame) })
			}
		}
	}
}

// lazyFrame encodes an event when it is first needed, and only once.
type lazyFrame struct {
	frame realtime.Frame
	done  bool
	ok    bool
}

func (l *lazyFrame) get(n *Namespace, event string, body func() any) (realtime.Frame, bool) {
	if !l.done {
		var err error
		l.frame, err = n.nsp.Encode(event, body())
		l.done, l.ok = true, err == nil
		if err != nil {
			n.log.Error("an event could not be encoded", "event", event, "err", err)
		}
	}
	return l.frame, l.ok
}

func receivedBody(m MessageJSON) receivedReply {
	return receivedReply(wire.OK("New message received", toReceived(m)))
}

func newChatBody(e MessageSent, viewer models.UserRef, m MessageJSON) wire.Envelope[ChatJSON] {
	unread := int64(1)
	if viewer == e.Message.Sender() {
		unread = 0
	}
	return wire.OK("New chat", toChat(e.Chat, unread, []MessageJSON{m}))
}

func readBody(e ReadMoved) wire.Envelope[ReadReceiptJSON] {
	at := e.Reader.ReadAt
	return wire.OK("Messages have been read", ReadReceiptJSON{
		ChatID: e.ChatID, ReaderID: wire.ID(e.Reader.UserID), ReaderType: string(e.Reader.UserType),
		ReadSeq: e.Reader.ReadSeq, ReadAt: wire.At(*at),
	})
}

func deliveredBody(e DeliveredMoved) wire.Envelope[DeliveryJSON] {
	return wire.OK("Messages have been delivered", DeliveryJSON{
		ChatID: e.ChatID, RecipientID: wire.ID(e.Recipient.ID), RecipientType: string(e.Recipient.Type),
		DeliveredSeq: e.DeliveredSeq, Status: "delivered",
	})
}

func deletedBody(chatID, messageID string, seq int64) wire.Envelope[DeletedJSON] {
	return wire.OK("Message has been deleted successfully", DeletedJSON{chatID, messageID, seq})
}

func typingBody(e TypingChanged) (string, wire.Envelope[TypingJSON]) {
	event, message := "typing", "User is typing"
	if !e.Typing {
		event, message = "stoppedTyping", "User has stopped typing"
	}
	return event, wire.OK(message, TypingJSON{
		ChatID: e.ChatID, UserID: wire.ID(e.User.ID), UserType: string(e.User.Type), IsTyping: e.Typing,
	})
}
