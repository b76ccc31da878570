package security

import (
	"slices"
	"testing"

	"chaffer/test/dialects"
)

// What an operation of another contract names, and so whom it is for.
const (
	aChat   = "chat"    // the chat of two
	aGroup  = "group"   // a group
	oneself = "oneself" // nobody else's: everybody with a token may
	openly  = "openly"  // needs no token, and takes no notice of one
)

// operationOf is one event or route of a contract. The body is what its owner sends when all is
// well: $chat, $number, $group, $message, $note (of the group) are the owner's, $peer is in both,
// $fresh is somebody nobody knows.
type operationOf struct {
	dialect, name string
	path          string // of a route, filled in
	body          string
	names         string
	peer          bool   // the other one may, too
	sends         bool   // it writes to the others: refused to who is blocked
	optional      string // fields that may be missing or null
	form          bool   // its body is a file in a form
}

var operationsOf = []operationOf{
	{dialect: "oneonone", name: "join", body: `"$chat"`, names: aChat, peer: true},
	{dialect: "oneonone", name: "POST /api/v1/conversations", path: "/api/v1/conversations", body: `{"participant":{"userId":"$fresh"}}`, names: oneself},
	{dialect: "oneonone", name: "GET /api/v1/conversations/{id}", path: "/api/v1/conversations/$chat", names: aChat, peer: true},
	{dialect: "oneonone", name: "POST /api/v1/conversations/messages", path: "/api/v1/conversations/messages", body: `{"conversationId":"$chat","message":"x"}`, names: aChat, peer: true, sends: true},

	{dialect: "nestchat", name: "createConversation", body: `{"user2_id":"$fresh"}`, names: oneself},
	{dialect: "nestchat", name: "sendMessage", body: `{"convId":$number,"message":{"message":"x"}}`, names: aChat, peer: true, sends: true},
	{dialect: "nestchat", name: "joinConversation", body: `{"convId":$number}`, names: aChat, peer: true},
	{dialect: "nestchat", name: "leaveConversation", body: `{"convId":$number}`, names: aChat, peer: true},
	{dialect: "nestchat", name: "POST /chats", path: "/chats", body: `{"user2_id":"$fresh"}`, names: oneself},
	{dialect: "nestchat", name: "POST /chats/{id}/message", path: "/chats/$number/message", body: `{"message":"x"}`, names: aChat, peer: true, sends: true},
	{dialect: "nestchat", name: "GET /chats/{id}/messages", path: "/chats/$number/messages", names: aChat, peer: true},

	{dialect: "messaging", name: "send_message", body: `{"conversationId":"$chat","content":"x","attachments":[]}`, names: aChat, peer: true, sends: true, optional: "attachments"},
	{dialect: "messaging", name: "typing", body: `{"conversationId":"$chat","isTyping":true}`, names: aChat, peer: true, optional: "isTyping"},
	{dialect: "messaging", name: "mark_read", body: `{"messageId":"$message"}`, names: aChat, peer: true},
	{dialect: "messaging", name: "POST /api/conversation", path: "/api/conversation", body: `{"participants":["$fresh"],"isGroup":true,"groupName":"x"}`, names: oneself, optional: "isGroup groupName"},
	{dialect: "messaging", name: "GET /api/conversation", path: "/api/conversation", names: oneself},
	{dialect: "messaging", name: "GET /api/conversation/{id}", path: "/api/conversation/$chat", names: aChat, peer: true},
	{dialect: "messaging", name: "POST /api/conversation/participant/add", path: "/api/conversation/participant/add", body: `{"conversationId":"$group","userId":"$fresh"}`, names: aGroup},
	{dialect: "messaging", name: "POST /api/conversation/participant/remove", path: "/api/conversation/participant/remove", body: `{"conversationId":"$group","userId":"$third"}`, names: aGroup},
	{dialect: "messaging", name: "DELETE /api/conversation/{id}", path: "/api/conversation/$group", names: aGroup},
	{dialect: "messaging", name: "POST /api/message", path: "/api/message", body: `{"conversationId":"$chat","content":"x","attachments":[]}`, names: aChat, peer: true, sends: true, optional: "attachments"},
	{dialect: "messaging", name: "GET /api/message/{id}", path: "/api/message/$chat?limit=50&skip=0", names: aChat, peer: true},
	{dialect: "messaging", name: "PUT /api/message/read/{id}", path: "/api/message/read/$message", names: aChat, peer: true},
	{dialect: "messaging", name: "DELETE /api/message/{id}", path: "/api/message/$message", names: aChat},
	{dialect: "messaging", name: "POST /api/attachment", path: "/api/attachment", names: oneself, form: true},

	{dialect: "expresschat", name: "fetch-self-chat", body: `{}`, names: oneself},
	{dialect: "expresschat", name: "send-self-message", body: `{"Content":"x"}`, names: oneself},
	{dialect: "expresschat", name: "create-personal-chat", body: `{"Receiver":"$fresh"}`, names: oneself},
	{dialect: "expresschat", name: "fetch-personal-chat", body: `{"ChatId":"$chat","Partner":"x"}`, names: aChat, peer: true, optional: "Partner"},
	{dialect: "expresschat", name: "send-personal-message", body: `{"ChatId":"$chat","Content":"x"}`, names: aChat, peer: true, sends: true},
	{dialect: "expresschat", name: "read-personal-message", body: `{"ChatId":"$chat"}`, names: aChat, peer: true},
	{dialect: "expresschat", name: "create-group-chat", body: `{"Name":"x","Description":"x","Participants":["$fresh"]}`, names: oneself, optional: "Description Participants"},
	{dialect: "expresschat", name: "fetch-group-chat", body: `{"GroupId":"$group"}`, names: aGroup, peer: true},
	{dialect: "expresschat", name: "send-group-message", body: `{"GroupId":"$group","Content":"x"}`, names: aGroup, peer: true, sends: true},
	{dialect: "expresschat", name: "read-group-message", body: `{"GroupId":"$group"}`, names: aGroup, peer: true},
	{dialect: "expresschat", name: "add-member", body: `{"GroupId":"$group","Member":"$fresh"}`, names: aGroup},
	{dialect: "expresschat", name: "kickout", body: `{"GroupId":"$group","Member":"$third"}`, names: aGroup},
	{dialect: "expresschat", name: "change-admin", body: `{"GroupId":"$group","Member":"$peer"}`, names: aGroup},
	{dialect: "expresschat", name: "leave-grp", body: `{"GroupId":"$group"}`, names: aGroup, peer: true},

	{dialect: "expresschat", name: "POST /signup", path: "/signup", body: `{"name":"x","email":"not an address","password":"x"}`, names: openly},
	{dialect: "expresschat", name: "POST /login", path: "/login", body: `{"email":"not an address","password":"x"}`, names: openly, optional: "password"},
	{dialect: "expresschat", name: "GET /Verify", path: "/Verify?token=x", names: openly},
	{dialect: "expresschat", name: "POST /logout", path: "/logout", names: openly},
	{dialect: "expresschat", name: "POST /resend", path: "/resend", body: `{"email":"not an address"}`, names: openly},
	{dialect: "expresschat", name: "POST /refresh", path: "/refresh", body: `{"refreshToken":"x"}`, names: openly},
}

func (o operationOf) route() bool { return o.path != "" }

// TestDialectTableIsWhole holds the table to the contracts' own tables, both ways: an event or a
// route that is added to a contract without a row here fails.
func TestDialectTableIsWhole(t *testing.T) {
	var rows []string
	for _, r := range dialects.Surface(t, "../../internal/dialect") {
		if !r.FromServer {
			rows = append(rows, r.Dialect+": "+r.Name)
		}
	}
	var here []string
	for _, o := range operationsOf {
		here = append(here, o.dialect+": "+o.name)
	}
	for _, r := range rows {
		if !slices.Contains(here, r) {
			t.Errorf("%s is attacked by nobody: add its row to operationsOf", r)
		}
	}
	for _, r := range here {
		if !slices.Contains(rows, r) {
			t.Errorf("%s is in the table and in no contract", r)
		}
	}
}
