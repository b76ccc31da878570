// Package messaging speaks the contract of docs/DIALECTS.md called messaging: send_message, typing
// and mark_read on the namespace "/", conversations and messages under /api.
package messaging

import (
	"context"
	"sync"
	"time"

	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// Messaging is this contract on a node.
type Messaging struct {
	house dialect.House
	root  *dialect.Root

	readers chan chat.ReadMoved // whose message ids have still to be read
	ctx     context.Context
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

const (
	readQueue   = 1024 // read receipts waiting for their message's id; advice, what is beyond is dropped
	readTimeout = 5 * time.Second
)

// Bind adds the contract to the shared namespace. Close ends it.
func Bind(house dialect.House, root *dialect.Root) *Messaging {
	m := &Messaging{house: house, root: root, readers: make(chan chat.ReadMoved, readQueue)}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	m.wg.Go(m.tellReaders)
	root.Add(dialect.Contract{Missed: m.missed, Message: m.message, Event: m.event}, true)
	nsp := root.Realtime()
	realtime.OnAsync(nsp, realtime.Event{Name: "send_message", Doc: "Sends a message to a conversation."}, m.send)
	realtime.On(nsp, realtime.Event{Name: "typing", Doc: "Says whether the caller is typing."}, m.typing)
	realtime.On(nsp, realtime.Event{Name: "mark_read", Doc: "Marks a message, and those before it, as read."}, m.markRead)
	nsp.Emits("new_message", "A message of somebody else.", NewMessage{})
	nsp.Emits("message_sent", "The caller's own message, stored.", MessageSent{})
	nsp.Emits("typing_indicator", "Somebody began or stopped typing.", TypingIndicator{})
	nsp.Emits("message_read", "Somebody has read a message, and those before it.", MessageRead{})
	return m
}

// Close stops what runs in the background.
func (m *Messaging) Close() {
	m.cancel()
	m.wg.Wait()
}

func (m *Messaging) send(ctx context.Context, c *realtime.Conn, in SendRequest, done func(Acknowledged, error)) {
	m.house.Chats.SendAsync(ctx, c.Identity(), chat.SendInput{
		ChatID: in.ConversationID, Text: in.Content, ImageIDs: in.Attachments, Origin: c.ID(),
	}, func(sent chat.Sent, err error) {
		body := toMessage(sent.Message, nil)
		done(Acknowledged{Success: err == nil, Message: &body}, err)
	})
}

func (m *Messaging) typing(ctx context.Context, c *realtime.Conn, in TypingRequest) (Acknowledged, error) {
	if in.IsTyping {
		return Acknowledged{Success: true}, m.house.Chats.Typing(ctx, c.User(), in.ConversationID)
	}
	return Acknowledged{Success: true}, m.house.Chats.StoppedTyping(ctx, c.User(), in.ConversationID)
}

func (m *Messaging) markRead(ctx context.Context, c *realtime.Conn, in ReadRequest) (Acknowledged, error) {
	_, err := m.read(ctx, c.User(), in.MessageID, c.ID())
	return Acknowledged{Success: true}, err
}

// read moves the reader's position to a message and returns it as it is then.
func (m *Messaging) read(ctx context.Context, u models.UserRef, messageID, origin string) (Message, error) {
	p, err := m.house.Chats.Find(ctx, u, messageID)
	if err != nil {
		return Message{}, err
	}
	seq := p.Messages[0].Seq
	if _, err := m.house.Chats.MarkRead(ctx, u, p.Chat.ID, &seq, origin); err != nil {
		return Message{}, err
	}
	p, err = m.house.Chats.Find(ctx, u, messageID)
	if err != nil {
		return Message{}, err
	}
	return toMessage(p.Messages[0], p.Members), nil
}

// missed hands a message over that was written while the socket's user was away, or that the socket
// should have had: then it may be their own, from another device.
func (m *Messaging) missed(c *realtime.Conn, message models.Message) (string, any) {
	if message.Sender() == c.User() {
		return "message_sent", MessageSent{toMessage(message, nil)}
	}
	ctx, cancel := context.WithTimeout(m.ctx, readTimeout)
	defer cancel()
	card, people, err := m.house.Chats.Card(ctx, message.ChatID)
	if err != nil {
		m.house.Log.Warn("a conversation could not be read for a message that was missed", "chat", message.ChatID, "err", err)
		return "new_message", NewMessage{toMessage(message, nil), Brief{MongoID: message.ChatID, ID: message.ChatID, Participants: []string{}}}
	}
	return "new_message", NewMessage{toMessage(message, nil), toBrief(card, people)}
}

// message renders a new message: new_message for everybody else, message_sent for the sender.
func (m *Messaging) message(e chat.MessageSent) dialect.Rendered {
	body := toMessage(e.Message, nil)
	sender := e.Message.Sender()
	toOthers := m.root.Frame("new_message", NewMessage{body, toBrief(e.Chat, e.Members)})
	toSender := m.root.Frame("message_sent", MessageSent{body})
	return dialect.Rendered{Send: func(c *realtime.Conn) {
		if c.User() == sender {
			toSender(c)
			return
		}
		toOthers(c)
	}}
}

func (m *Messaging) event(e chat.Event) {
	switch e := e.(type) {
	case chat.TypingChanged:
		m.root.Tell("", e.Members, e.User, "", "typing_indicator", TypingIndicator{e.ChatID, dialect.ID(e.User), e.Typing})
	case chat.ReadMoved:
		select {
		case m.readers <- e:
		default:
			m.house.Log.Warn("a read receipt was not told: too many at once", "chat", e.ChatID)
		}
	}
}

// tellReaders names the message of each read position, which takes a query, and tells the others.
func (m *Messaging) tellReaders() {
	for {
		select {
		case <-m.ctx.Done():
			return
		case e := <-m.readers:
			m.tellReader(e)
		}
	}
}

func (m *Messaging) tellReader(e chat.ReadMoved) {
	ctx, cancel := context.WithTimeout(m.ctx, readTimeout)
	defer cancel()
	p, err := m.house.Chats.At(ctx, e.Reader.User(), e.ChatID, e.Reader.ReadSeq)
	if err != nil {
		m.house.Log.Warn("a read receipt was not told", "chat", e.ChatID, "err", err)
		return
	}
	m.root.Tell("", e.Members, models.UserRef{}, e.Origin, "message_read",
		MessageRead{p.Messages[0].ID, dialect.ID(e.Reader.User()), e.ChatID})
}
