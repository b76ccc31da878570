package chat

import (
	"bytes"
	"strconv"

	"chaffer/internal/wire"
)

// inboxReply is the body of userChats, which every socket gets when it connects: up to a thousand
// messages, most of the time a connect costs. It is written by hand like those of wire_append.go.
type inboxReply wire.Page[ChatJSON]

// AppendJSON appends a page of chats.
func (p inboxReply) AppendJSON(b []byte) []byte {
	b = appendHead(b, p.Error, p.Message, p.StatusCode)
	b = append(b, `,"data":[`...)
	for i, c := range p.Data {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.AppendJSON(b)
	}
	b = append(b, ']')
	if p.NextCursor != "" {
		b = appendText(append(b, `,"nextCursor":`...), p.NextCursor)
	}
	b = strconv.AppendBool(append(b, `,"hasMore":`...), p.HasMore)
	return append(b, '}')
}

// AppendJSON appends the chat as encoding/json would write it without escaping HTML: its own fields
// by encoding/json, its messages by hand.
func (c ChatJSON) AppendJSON(b []byte) []byte {
	messages := c.Messages
	c.Messages = []MessageJSON{}
	start := len(b)
	b = appendAny(b, c)
	const empty = `"messages":[]`
	at := bytes.LastIndex(b[start:], []byte(empty)) // what follows has no text of anybody's but the cursor, which is a number
	tail := string(b[start+at+len(empty):])
	b = b[:start+at+len(empty)-1]
	for i, m := range messages {
		if i > 0 {
			b = append(b, ',')
		}
		b = m.AppendJSON(b)
	}
	return append(append(b, ']'), tail...)
}
