package nestchat

import (
	"chaffer/internal/models"
	"chaffer/internal/wire"

	"chaffer/internal/dialect"
)

// Ids are integers in this contract. A chat has a number; a message's id holds its chat's number and
// its place, so it needs no table: 2^20 messages a chat, 2^33 chats.
const placeBits = 20

func messageID(number, seq int64) int64 { return number<<placeBits | seq }

// Conversation is a chat of two people.
type Conversation struct {
	ID        int64     `json:"id"`
	User1ID   wire.ID   `json:"user1_id"`
	User2ID   wire.ID   `json:"user2_id"`
	CreatedAt wire.Time `json:"created_at"`
}

// Message is one message.
type Message struct {
	ID             int64     `json:"id"`
	ConversationID int64     `json:"conversation_id"`
	SenderID       wire.ID   `json:"sender_id"`
	Message        string    `json:"message"`
	IsRead         bool      `json:"is_read"`
	CreatedAt      wire.Time `json:"created_at"`
}

// Person is somebody with a name.
type Person struct {
	ID   wire.ID `json:"id"`
	Name string  `json:"name"`
}

// Created is the body of conversationCreated.
type Created struct {
	Conversation Conversation `json:"conversation"`
	Participants []Person     `json:"participants"`
}

// NewMessage is the body of newMessage.
type NewMessage struct {
	Message Message `json:"message"`
	Sender  Person  `json:"sender"`
}

// Room is the body of joinedConversation and leftConversation.
type Room struct {
	ConvID int64 `json:"convId"`
}

// Answer acknowledges what was done.
type Answer struct {
	Success      bool          `json:"success"`
	Conversation *Conversation `json:"conversation,omitempty"`
	Message      *Message      `json:"message,omitempty"`
	ConvID       int64         `json:"convId,omitempty"`
}

// CreateRequest is createConversation and POST /chats.
type CreateRequest struct {
	User2ID wire.ID `json:"user2_id"`
}

// SendRequest is sendMessage.
type SendRequest struct {
	ConvID  int64 `json:"convId"`
	Message struct {
		Message string `json:"message"`
	} `json:"message"`
}

// RoomRequest is joinConversation and leaveConversation.
type RoomRequest struct {
	ConvID int64 `json:"convId"`
}

// PostRequest is POST /chats/{id}/message.
type PostRequest struct {
	Message string `json:"message"`
}

// Refusal answers a REST request that failed.
type Refusal struct {
	StatusCode int    `json:"statusCode"`
	Message    string `json:"message"`
	Error      string `json:"error"`
}

func id(u models.UserRef) wire.ID { return wire.ID(dialect.ID(u)) }

func toConversation(number int64, c models.Chat, people []models.UserRef) Conversation {
	out := Conversation{ID: number, CreatedAt: wire.At(c.CreatedAt)}
	if len(people) > 0 {
		out.User1ID = id(people[0])
	}
	if len(people) > 1 {
		out.User2ID = id(people[1])
	}
	return out
}

func toMessage(number int64, m models.Message, read bool) Message {
	return Message{
		ID: messageID(number, m.Seq), ConversationID: number, SenderID: id(m.Sender()), Message: dialect.Content(m),
		IsRead: read, CreatedAt: wire.At(m.CreatedAt),
	}
}
