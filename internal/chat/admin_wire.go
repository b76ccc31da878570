package chat

import (
	"encoding/json"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// AdminChatJSON is a chat as an admin sees it: what both sides see, and how far each has come.
type AdminChatJSON struct {
	ChatJSON
	Kind        string         `json:"kind" enum:"product,direct,group,self"`
	Title       string         `json:"title,omitempty" doc:"Of a group."`
	Description string         `json:"description,omitempty" doc:"Of a group."`
	Members     []PositionJSON `json:"members"`
}

// AdminMessageJSON is a message as an admin sees it: a deleted one keeps its original text.
type AdminMessageJSON struct {
	MessageJSON
	DeletedByType string  `json:"deletedByType,omitempty"`
	DeletedByID   wire.ID `json:"deletedById,omitempty"`
}

// AdminPageJSON is a chat with its latest messages, oldest first; deleted ones keep their text.
type AdminPageJSON struct {
	AdminChatJSON
	Messages []AdminMessageJSON `json:"messages"`
}

// UserJSON is what the service knows of a person: only what their chats say.
type UserJSON struct {
	UserID       wire.ID   `json:"userId"`
	UserType     string    `json:"userType"`
	Name         string    `json:"name" doc:"As in the latest chat; empty when unknown."`
	Suspicious   bool      `json:"nameSuspicious,omitempty" doc:"The name has letters of different alphabets that look alike; left out when it has not."`
	Online       bool      `json:"online"`
	ChatCount    int64     `json:"chatCount"`
	UnreadCount  int64     `json:"unreadCount"`
	Undelivered  int64     `json:"undeliveredChats" doc:"Chats with messages that have not reached them."`
	FirstChatAt  wire.Time `json:"firstChatAt"`
	LastActivity wire.Time `json:"lastActivityAt" doc:"Of any of their chats."`
}

// StatsJSON is the service in figures.
type StatsJSON struct {
	Chats           int64 `json:"chats"`
	ActiveChats     int64 `json:"activeChats" doc:"With a message in the last 24 hours."`
	Messages        int64 `json:"messages" doc:"Ever sent, deleted ones included."`
	DeletedMessages int64 `json:"deletedMessages"`
	Users           int64 `json:"users" doc:"Who are in any chat."`
	UnreadMessages  int64 `json:"unreadMessages" doc:"Summed over everybody."`
	Undelivered     int64 `json:"undelivered" doc:"(Person, chat) pairs with messages that have not arrived."`
	Products        int64 `json:"products" doc:"In the catalogue."`
}

// AuditJSON is one row of the audit log.
type AuditJSON struct {
	ID        string         `json:"id" format:"uuid"`
	At        wire.Time      `json:"at"`
	ActorType string         `json:"actorType"`
	ActorID   wire.ID        `json:"actorId"`
	Action    string         `json:"action"`
	Target    string         `json:"target" doc:"A chat id, a person such as vendor:2, or empty."`
	Detail    map[string]any `json:"detail"`
}

type adminListQuery struct {
	VendorID   string    `query:"vendorId" maxLength:"64"`
	CustomerID string    `query:"customerId" maxLength:"64"`
	ProductID  string    `query:"productId" maxLength:"64"`
	Q          string    `query:"q" maxLength:"100" doc:"Text in a message, or in the name of the product, the store or the customer."`
	From       time.Time `query:"from" doc:"Latest activity at or after this time, RFC 3339."`
	To         time.Time `query:"to" doc:"Latest activity before this time, RFC 3339."`
	Cursor     string    `query:"cursor" doc:"The nextCursor of the page before."`
	Limit      int       `query:"limit" minimum:"1" default:"50" doc:"1–100; more is cut to 100."`
}

func (q *adminListQuery) filter() adminFilter {
	return adminFilter{VendorID: q.VendorID, CustomerID: q.CustomerID, ProductID: q.ProductID, Text: q.Q, From: q.From, To: q.To}
}

// check refuses what no row can hold, before a database sees it.
func (q *adminListQuery) check() error {
	for name, id := range map[string]string{"vendorId": q.VendorID, "customerId": q.CustomerID, "productId": q.ProductID} {
		if id != "" && !wire.ValidID(id) {
			return invalid("%s must be 1–64 printable characters without spaces", name)
		}
	}
	if !utf8.ValidString(q.Q) || strings.ContainsFunc(q.Q, unicode.IsControl) {
		return invalid("q must be text without control characters")
	}
	return nil
}

// detail is the filter as the audit log keeps it.
func (q *adminListQuery) detail() map[string]any {
	out := map[string]any{}
	for k, v := range map[string]string{"vendorId": q.VendorID, "customerId": q.CustomerID, "productId": q.ProductID, "q": q.Q} {
		if v != "" {
			out[k] = v
		}
	}
	for k, v := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !v.IsZero() {
			out[k] = wire.At(v)
		}
	}
	return out
}

type transcriptQuery struct {
	ChatID   string                   `path:"chatId"`
	Format   string                   `query:"format" enum:"json,csv,text" default:"json"`
	AfterSeq httpjson.Optional[int64] `query:"afterSeq" doc:"Go on after this place."`
}

type userPath struct {
	Type string `path:"type"`
	ID   string `path:"id"`
}

func toAdminChat(c models.Chat, members []models.Member, messages []models.Message) AdminChatJSON {
	return AdminChatJSON{
		ChatJSON: toChat(c, 0, toMessages(messages, members)),
		Kind:     string(c.Kind), Title: c.Title, Description: c.Description, Members: toPositions(members),
	}
}

// toAdminMessages renders what was written, also where it has been deleted since.
func toAdminMessages(messages []models.Message, members []models.Member) []AdminMessageJSON {
	out := make([]AdminMessageJSON, 0, len(messages))
	for _, m := range messages {
		original := m
		original.DeletedAt = nil
		j := AdminMessageJSON{MessageJSON: toMessage(original, readByOthers(m.Sender(), members))}
		if m.DeletedAt != nil {
			j.DeletedAt, j.DeletedByType, j.DeletedByID = wire.AtPtr(m.DeletedAt), string(m.DeletedByType), wire.ID(m.DeletedByID)
		}
		out = append(out, j)
	}
	return out
}

func toAudit(e models.AuditEntry) AuditJSON {
	out := AuditJSON{
		ID: e.ID, At: wire.At(e.At), ActorType: string(e.ActorType), ActorID: wire.ID(e.ActorID),
		Action: e.Action, Target: e.Target, Detail: map[string]any{},
	}
	_ = json.Unmarshal([]byte(e.Detail), &out.Detail) // we wrote it ourselves; what cannot be read is shown empty
	return out
}
