package chat

import (
	"chaffer/internal/models"
)

// Event is something that happened in a chat, in nobody's wire format: each contract renders it
// once for all its sockets.
type Event interface {
	// Concerns are the people whose sockets should hear of it.
	Concerns() []models.UserRef
}

// MessageSent: a message is committed. Origin is the socket that sent it ("" for REST), which is
// answered on its own.
type MessageSent struct {
	Chat    models.Chat // its card; LastSeq is the message's place
	Members []models.UserRef
	Message models.Message
	Opened  bool // the first message of its chat
	Origin  string
}

func (e MessageSent) Concerns() []models.UserRef { return e.Members }

// ReadMoved: someone has read further.
type ReadMoved struct {
	ChatID  string
	Members []models.UserRef
	Reader  models.Member // ReadSeq and ReadAt are the new position
	Origin  string
}

func (e ReadMoved) Concerns() []models.UserRef { return e.Members }

// DeliveredMoved: messages up to a place have reached someone.
type DeliveredMoved struct {
	ChatID       string
	Members      []models.UserRef
	Recipient    models.UserRef
	DeliveredSeq int64
}

func (e DeliveredMoved) Concerns() []models.UserRef { return e.Members }

// MessageDeleted: a message became a tombstone.
type MessageDeleted struct {
	ChatID    string
	Members   []models.UserRef
	MessageID string
	Seq       int64
	Rev       int64
}

func (e MessageDeleted) Concerns() []models.UserRef { return e.Members }

// TypingChanged: someone began or stopped typing. Never stored.
type TypingChanged struct {
	ChatID  string
	Members []models.UserRef
	User    models.UserRef
	Typing  bool
}

func (e TypingChanged) Concerns() []models.UserRef { return e.Members }

// ChatOpened: a direct, self or group chat exists from now on. A product chat opens with its first
// message, see MessageSent.
type ChatOpened struct {
	Chat    models.Chat
	Members []models.UserRef
	By      models.UserRef
}

func (e ChatOpened) Concerns() []models.UserRef { return e.Members }

// MemberChange is what happened to the people of a chat.
type MemberChange string

const (
	MemberAdded   MemberChange = "added"
	MemberRemoved MemberChange = "removed"
	MemberLeft    MemberChange = "left"
	AdminChanged  MemberChange = "admin"
	ChatRemoved   MemberChange = "chat removed"
)

// MembersChanged: the people of a chat are others now. Members are those who are in it after the
// change (for ChatRemoved: who were).
type MembersChanged struct {
	ChatID    string
	Title     string
	Members   []models.UserRef
	Change    MemberChange
	Who       models.UserRef
	By        models.UserRef
	Successor *models.UserRef // the new admin, when the last one left
}

// Concerns includes who has just been taken out.
func (e MembersChanged) Concerns() []models.UserRef {
	if e.Change == MemberRemoved || e.Change == MemberLeft {
		return append(e.Members[:len(e.Members):len(e.Members)], e.Who)
	}
	return e.Members
}
