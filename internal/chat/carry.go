package chat

import (
	"encoding/json"
	"errors"
	"fmt"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// kinds are the events that travel between nodes, by the name they travel under. Their form on the
// way is that of the struct: all nodes of an installation understand the same kinds and fields,
// and one that does not, during a deploy, leaves it to the database's positions.
var kinds = map[string]func() Event{
	"chat.sent":      func() Event { return new(MessageSent) },
	"chat.read":      func() Event { return new(ReadMoved) },
	"chat.delivered": func() Event { return new(DeliveredMoved) },
	"chat.deleted":   func() Event { return new(MessageDeleted) },
	"chat.typing":    func() Event { return new(TypingChanged) },
	"chat.opened":    func() Event { return new(ChatOpened) },
	"chat.members":   func() Event { return new(MembersChanged) },
	"chat.block":     func() Event { return new(BlockChanged) },
	"chat.frozen":    func() Event { return new(FrozenChanged) },
}

// Kinds are the names Arrived understands.
func Kinds() []string {
	out := make([]string, 0, len(kinds))
	for k := range kinds {
		out = append(out, k)
	}
	return out
}

// kindOf names an event; "" for one that stays on its node.
func kindOf(e Event) string {
	switch e.(type) {
	case MessageSent:
		return "chat.sent"
	case ReadMoved:
		return "chat.read"
	case DeliveredMoved:
		return "chat.delivered"
	case MessageDeleted:
		return "chat.deleted"
	case TypingChanged:
		return "chat.typing"
	case ChatOpened:
		return "chat.opened"
	case MembersChanged:
		return "chat.members"
	case BlockChanged:
		return "chat.block"
	case FrozenChanged:
		return "chat.frozen"
	}
	return ""
}

// Carry sets how events of this node reach the people on other nodes. carry must not block.
// Call it before the first send.
func (s *Service) Carry(carry func(kind string, people []models.UserRef, e Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carry = carry
}

// Arrived gives an event of another node to this node's listeners, and to nobody else. The error
// says that the body is not an event of that kind.
func (s *Service) Arrived(kind string, body json.RawMessage) error {
	e, err := decodeEvent(kind, body)
	if err != nil {
		return err
	}
	switch e := e.(type) {
	case MembersChanged:
		s.known.forget(e.ChatID) // who is in it is others now
	case MessageSent:
		if e.Message.ChatID != e.Chat.ID || e.Message.Seq < 1 || len(e.Members) == 0 {
			return errors.New("a message without a chat, a place or people")
		}
	case ReadMoved:
		if e.Reader.ReadAt == nil {
			return errors.New("a read position without a time")
		}
	}
	s.hear(e, staleThere)
	return nil
}

func decodeEvent(kind string, body json.RawMessage) (Event, error) {
	make, known := kinds[kind]
	if !known {
		return nil, fmt.Errorf("unknown event %.32q", kind)
	}
	e := make()
	if err := wire.Strict(body, e); err != nil {
		return nil, err
	}
	switch e := e.(type) {
	case *MessageSent:
		return *e, nil
	case *ReadMoved:
		return *e, nil
	case *DeliveredMoved:
		return *e, nil
	case *MessageDeleted:
		return *e, nil
	case *TypingChanged:
		return *e, nil
	case *ChatOpened:
		return *e, nil
	case *MembersChanged:
		return *e, nil
	case *BlockChanged:
		return *e, nil
	case *FrozenChanged:
		return *e, nil
	}
	return nil, fmt.Errorf("event %q has no value", kind)
}
