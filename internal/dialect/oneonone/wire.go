package oneonone

import (
	"github.com/google/uuid"

	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Participant is one of the two people of a conversation; _id is the entry's own.
type Participant struct {
	UserID   string `json:"userId"`
	UserName string `json:"userName"`
	MongoID  string `json:"_id"`
}

// Message is one message. The request calls it message, the answer content; timeStamp has a capital S.
type Message struct {
	SenderID   string    `json:"senderId"`
	ReceiverID string    `json:"receiverId"`
	Content    string    `json:"content"`
	MongoID    string    `json:"_id"`
	TimeStamp  wire.Time `json:"timeStamp"`
}

// ChatMessage is the body of chat-message.
type ChatMessage struct {
	Message
	ConversationID string `json:"conversationId"`
}

// Conversation is two people and their newest messages, oldest first.
type Conversation struct {
	MongoID      string        `json:"_id"`
	Participants []Participant `json:"participants"`
	Messages     []Message     `json:"messages"`
	Version      int64         `json:"__v"`
}

// Reply answers a REST request that succeeded.
type Reply struct {
	Success      bool         `json:"success"`
	Message      string       `json:"message,omitempty"`
	Conversation Conversation `json:"conversation"`
}

// Refusal answers one that did not.
type Refusal struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

// StartRequest is POST /api/v1/conversations.
type StartRequest struct {
	Participant struct {
		UserID dialect.Text `json:"userId"`
	} `json:"participant"`
}

// SendRequest is POST /api/v1/conversations/messages.
type SendRequest struct {
	ConversationID string `json:"conversationId"`
	Message        string `json:"message"`
}

func toMessage(m models.Message, people []models.UserRef) Message {
	out := Message{SenderID: dialect.ID(m.Sender()), Content: dialect.Content(m), MongoID: m.ID, TimeStamp: wire.At(m.CreatedAt)}
	for _, u := range people {
		if u != m.Sender() {
			out.ReceiverID = dialect.ID(u)
		}
	}
	return out
}

// toConversation renders a page of a chat; first is named first (the one who was invited).
func toConversation(p chat.Page, first models.UserRef, name func(models.UserRef) string) Conversation {
	people := make([]models.UserRef, 0, len(p.Members))
	for _, m := range p.Members {
		people = append(people, m.User())
	}
	if len(people) == 2 && people[0] != first && people[1] == first {
		people[0], people[1] = people[1], people[0]
	}
	out := Conversation{MongoID: p.Chat.ID, Messages: make([]Message, 0, len(p.Messages)), Version: 2*p.Chat.LastSeq + p.Chat.Rev}
	for _, u := range people {
		entry := uuid.NewSHA1(uuid.NameSpaceOID, []byte(p.Chat.ID+u.String()))
		out.Participants = append(out.Participants, Participant{dialect.ID(u), name(u), entry.String()})
	}
	for _, m := range p.Messages {
		out.Messages = append(out.Messages, toMessage(m, people))
	}
	return out
}
