package expresschat

import (
	"context"

	"chaffer/internal/chat"
	"chaffer/internal/dialect"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// UserID is the body of user-id.
type UserID struct {
	UserID   string `json:"userId"`
	UserName string `json:"userName"`
}

// Message is one message of a chat. Sender is a name, SenderId says whose.
type Message struct {
	MongoID  string    `json:"_id"`
	Content  string    `json:"Content"`
	Sender   string    `json:"Sender"`
	SenderID string    `json:"SenderId"`
	Time     wire.Time `json:"Time"`
	Read     bool      `json:"Read"`
}

// Personal is a chat of two in a list.
type Personal struct {
	MongoID  string   `json:"_id"`
	LastChat *Message `json:"LastChat"`
	Partner  string   `json:"Partner"`
	Unread   int64    `json:"Unread"`
}

// Group is a group in a list.
type Group struct {
	MongoID  string   `json:"_id"`
	Name     string   `json:"Name"`
	LastChat *Message `json:"LastChat"`
	Unread   int64    `json:"Unread"`
}

// The bodies of what the server says. GroupId and ChatId are one id under the document's two names.
type (
	PersonalList struct {
		PersonalChatList []Personal `json:"PersonalChatList"`
	}
	GroupList struct {
		GroupChatList []Group `json:"GroupChatList"`
	}
	SelfChat struct {
		Messages []Message `json:"Messages"`
		Name     string    `json:"Name"`
	}
	PersonalChat struct {
		Messages []Message `json:"Messages"`
		UserID   string    `json:"UserId"`
		User     string    `json:"User"`
		Partner  string    `json:"Partner"`
	}
	GroupChat struct {
		Admin        string    `json:"Admin"`
		Name         string    `json:"Name"`
		Description  string    `json:"Description"`
		Participants []Member  `json:"Participants"`
		Messages     []Message `json:"Messages"`
	}
	Member struct {
		UserID string `json:"userId"`
		Name   string `json:"Name"`
	}
	Received struct {
		ChatID   string `json:"ChatId"`
		Content  string `json:"Content"`
		Sender   string `json:"Sender"`
		SenderID string `json:"SenderId"`
	}
	ReadAck struct {
		ChatID string `json:"ChatId"`
		Reader string `json:"Reader,omitempty"`
	}
	PersonalOpened struct {
		ChatID  string `json:"ChatId"`
		Partner string `json:"Partner"`
	}
	GroupOpened struct {
		GroupID string `json:"GroupId"`
		Name    string `json:"Name"`
	}
	GroupChange struct {
		GroupID string `json:"GroupId"`
		Name    string `json:"Name,omitempty"`
		Member  string `json:"Member,omitempty"`
	}
	Reason struct {
		Reason string `json:"reason"`
	}
)

// What a client asks.
type (
	ChatRequest struct {
		ChatID string `json:"ChatId"`
	}
	SelfRequest struct {
		Content string `json:"Content"`
	}
	PersonalRequest struct {
		ChatID  string `json:"ChatId"`
		Content string `json:"Content"`
	}
	OpenRequest struct {
		Receiver dialect.Text `json:"Receiver" doc:"A user's id, or the e-mail address of an account."`
	}
	GroupRequest struct {
		GroupID string `json:"GroupId"`
		Content string `json:"Content"`
	}
	NewGroupRequest struct {
		Name         string         `json:"Name"`
		Description  string         `json:"Description"`
		Participants []dialect.Text `json:"Participants" doc:"Users' ids, or e-mail addresses of accounts."`
	}
	MemberRequest struct {
		GroupID string       `json:"GroupId"`
		Member  dialect.Text `json:"Member"`
	}
	Done struct {
		Success bool `json:"success"`
	}
)

func (e *ExpressChat) message(ctx context.Context, m models.Message, members []models.Member) Message {
	read := false
	for _, member := range members {
		read = read || member.User() != m.Sender() && member.ReadSeq >= m.Seq
	}
	return Message{
		MongoID: m.ID, Content: dialect.Content(m), Sender: e.house.Name(ctx, m.Sender()), SenderID: dialect.ID(m.Sender()),
		Time: wire.At(m.CreatedAt), Read: read,
	}
}

func (e *ExpressChat) messages(ctx context.Context, p chat.Page) []Message {
	out := make([]Message, 0, len(p.Messages))
	for _, m := range p.Messages {
		out = append(out, e.message(ctx, m, p.Members))
	}
	return out
}

// others are the names of everybody in a chat but one.
func (e *ExpressChat) partner(ctx context.Context, people []models.UserRef, viewer models.UserRef) string {
	for _, u := range people {
		if u != viewer {
			return e.house.Name(ctx, u)
		}
	}
	return e.house.Name(ctx, viewer)
}
