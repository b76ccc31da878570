package messaging

import (
	"encoding/json"

	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Conversation is the document's conversation model, with _id and id.
type Conversation struct {
	MongoID      string     `json:"_id"`
	ID           string     `json:"id"`
	Participants []string   `json:"participants"`
	IsGroup      bool       `json:"isGroup"`
	GroupName    string     `json:"groupName,omitempty"`
	LastMessage  *string    `json:"lastMessage"`
	IsDeleted    bool       `json:"isDeleted"`
	DeletedAt    *wire.Time `json:"deletedAt"`
	CreatedAt    wire.Time  `json:"createdAt"`
	UpdatedAt    wire.Time  `json:"updatedAt"`
}

// Message is the document's message model. readBy is the last reader, readByAll everyone.
type Message struct {
	MongoID      string     `json:"_id"`
	ID           string     `json:"id"`
	Conversation string     `json:"conversation"`
	Sender       string     `json:"sender"`
	Content      string     `json:"content"`
	Attachments  []string   `json:"attachments"`
	ReadBy       *string    `json:"readBy"`
	ReadByAll    []string   `json:"readByAll"`
	IsDeleted    bool       `json:"isDeleted"`
	DeletedAt    *wire.Time `json:"deletedAt"`
	CreatedAt    wire.Time  `json:"createdAt"`
	UpdatedAt    wire.Time  `json:"updatedAt"`
}

// Attachment is an uploaded picture.
type Attachment struct {
	MongoID   string    `json:"_id"`
	ID        string    `json:"id"`
	URL       string    `json:"url"`
	MimeType  string    `json:"mimeType"`
	Size      int64     `json:"size"`
	CreatedAt wire.Time `json:"createdAt"`
}

// Brief is the "basic conversation info" beside a new message.
type Brief struct {
	MongoID      string   `json:"_id"`
	ID           string   `json:"id"`
	Participants []string `json:"participants"`
	IsGroup      bool     `json:"isGroup"`
	GroupName    string   `json:"groupName,omitempty"`
}

// NewMessage is the body of new_message.
type NewMessage struct {
	Message      Message `json:"message"`
	Conversation Brief   `json:"conversation"`
}

// MessageSent is the body of message_sent.
type MessageSent struct {
	Message Message `json:"message"`
}

// TypingIndicator is the body of typing_indicator.
type TypingIndicator struct {
	ConversationID string `json:"conversationId"`
	UserID         string `json:"userId"`
	IsTyping       bool   `json:"isTyping"`
}

// MessageRead is the body of message_read.
type MessageRead struct {
	MessageID      string `json:"messageId"`
	ReadBy         string `json:"readBy"`
	ConversationID string `json:"conversationId"`
}

// SendRequest is send_message and POST /api/message.
type SendRequest struct {
	ConversationID string   `json:"conversationId"`
	Content        string   `json:"content"`
	Attachments    []string `json:"attachments"`
}

// TypingRequest is typing.
type TypingRequest struct {
	ConversationID string `json:"conversationId"`
	IsTyping       bool   `json:"isTyping"`
}

// ReadRequest is mark_read.
type ReadRequest struct {
	MessageID string `json:"messageId"`
}

// CreateRequest is POST /api/conversation.
type CreateRequest struct {
	Participants []dialect.Text `json:"participants"`
	IsGroup      bool           `json:"isGroup"`
	GroupName    string         `json:"groupName"`
}

// ParticipantRequest adds or removes somebody.
type ParticipantRequest struct {
	ConversationID string       `json:"conversationId"`
	UserID         dialect.Text `json:"userId"`
}

// Acknowledged answers an event that was done.
type Acknowledged struct {
	Success bool     `json:"success"`
	Message *Message `json:"message,omitempty"`
}

func toMessage(m models.Message, members []models.Member) Message {
	out := Message{
		MongoID: m.ID, ID: m.ID, Conversation: m.ChatID, Sender: dialect.ID(m.Sender()), Content: dialect.Content(m),
		Attachments: []string{}, ReadByAll: []string{}, IsDeleted: m.DeletedAt != nil, DeletedAt: wire.AtPtr(m.DeletedAt),
		CreatedAt: wire.At(m.CreatedAt), UpdatedAt: wire.At(m.UpdatedAt),
	}
	var images []models.Image
	if m.DeletedAt == nil && json.Unmarshal([]byte(m.Images), &images) == nil {
		for _, i := range images {
			out.Attachments = append(out.Attachments, i.ID)
		}
	}
	var last *models.Member
	for i, member := range members {
		if member.ReadSeq < m.Seq || member.User() == m.Sender() {
			continue
		}
		out.ReadByAll = append(out.ReadByAll, dialect.ID(member.User()))
		if last == nil || member.ReadAt != nil && (last.ReadAt == nil || member.ReadAt.After(*last.ReadAt)) {
			last = &members[i]
		}
	}
	if last != nil {
		reader := dialect.ID(last.User())
		out.ReadBy = &reader
	}
	return out
}

func toMessages(p chat.Page) []Message {
	out := make([]Message, 0, len(p.Messages))
	for _, m := range p.Messages {
		out = append(out, toMessage(m, p.Members))
	}
	return out
}

func toConversation(c models.Chat, people []models.UserRef, last *models.Message) Conversation {
	out := Conversation{
		MongoID: c.ID, ID: c.ID, Participants: ids(people), IsGroup: c.Kind == models.KindGroup, GroupName: c.Title,
		IsDeleted: c.DeletedAt != nil, DeletedAt: wire.AtPtr(c.DeletedAt), CreatedAt: wire.At(c.CreatedAt), UpdatedAt: wire.At(c.UpdatedAt),
	}
	if last != nil {
		out.LastMessage = &last.ID
	}
	return out
}

func toBrief(c models.Chat, people []models.UserRef) Brief {
	return Brief{MongoID: c.ID, ID: c.ID, Participants: ids(people), IsGroup: c.Kind == models.KindGroup, GroupName: c.Title}
}

func ids(people []models.UserRef) []string {
	out := make([]string, 0, len(people))
	for _, u := range people {
		out = append(out, dialect.ID(u))
	}
	return out
}

func refs(members []models.Member) []models.UserRef {
	out := make([]models.UserRef, 0, len(members))
	for _, m := range members {
		out = append(out, m.User())
	}
	return out
}
