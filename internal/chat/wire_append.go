package chat

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf8"

	"chaffer/internal/wire"
)

// The two bodies every message is rendered into, the answer to its sender and receiveMessage, are
// written by hand: with reflection they were the largest part of a message's CPU time
// (docs/adr/0006). What they write is byte for byte what encoding/json would write, and a test
// holds them to it.

// AppendJSON appends the message as encoding/json would write it without escaping HTML.
func (m MessageJSON) AppendJSON(b []byte) []byte {
	b = append(b, '{')
	b = m.appendFields(b)
	return append(b, '}')
}

func (m MessageJSON) appendFields(b []byte) []byte {
	b = appendText(append(b, `"id":`...), m.ID)
	b = appendText(append(b, `,"messageId":`...), m.MessageID)
	b = appendText(append(b, `,"chatId":`...), m.ChatID)
	b = strconv.AppendInt(append(b, `,"seq":`...), m.Seq, 10)
	b = m.SenderID.AppendJSON(append(b, `,"senderId":`...))
	b = appendText(append(b, `,"senderType":`...), m.SenderType)
	b = appendText(append(b, `,"text":`...), m.Text)
	b = appendImages(append(b, `,"messageImages":`...), m.MessageImages)
	b = append(b, `,"timestamp":`...)
	from := len(b)
	b = m.Timestamp.AppendJSON(b)
	stamp := b[from:len(b):len(b)] // most messages have one time three times
	b = strconv.AppendBool(append(b, `,"read":`...), m.Read)
	b = strconv.AppendBool(append(b, `,"recipientOnline":`...), m.RecipientOnline)
	if m.ClientMessageID != "" {
		b = appendText(append(b, `,"clientMessageId":`...), m.ClientMessageID)
	}
	b = appendTime(append(b, `,"createdAt":`...), m.CreatedAt, m.Timestamp, stamp)
	b = appendTime(append(b, `,"updatedAt":`...), m.UpdatedAt, m.Timestamp, stamp)
	if m.DeletedAt != nil {
		b = m.DeletedAt.AppendJSON(append(b, `,"deletedAt":`...))
	}
	return b
}

// appendTime appends t, or the bytes already written for the same instant.
func appendTime(b []byte, t, written wire.Time, stamp []byte) []byte {
	if t.Equal(written.Time) {
		return append(b, stamp...)
	}
	return t.AppendJSON(b)
}

// AppendJSON appends the answer to a send.
func (r SentReply) AppendJSON(b []byte) []byte {
	b = appendHead(b, r.Error, r.Message, r.StatusCode)
	b = append(b, `,"data":{`...)
	b = r.Data.appendFields(b)
	if r.Data.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	b = append(b, '}')
	if r.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	return append(b, '}')
}

// receivedReply is the body of receiveMessage.
type receivedReply wire.Envelope[ReceivedJSON]

// AppendJSON appends the body of receiveMessage: the message's own fields, and the message again.
func (r receivedReply) AppendJSON(b []byte) []byte {
	b = appendHead(b, r.Error, r.Message, r.StatusCode)
	b = append(b, `,"data":{`...)
	from := len(b)
	b = r.Data.appendFields(b)
	fields := b[from:len(b):len(b)] // Data.Data is the same message
	b = strconv.AppendBool(append(b, `,"error":`...), r.Data.Error)
	b = append(b, `,"message":null`...)
	b = strconv.AppendInt(append(b, `,"type":`...), int64(r.Data.Type), 10)
	b = append(append(b, `,"data":{`...), fields...)
	return append(b, '}', '}', '}')
}

func appendHead(b []byte, failed bool, message string, status int) []byte {
	b = strconv.AppendBool(append(b, `{"error":`...), failed)
	b = appendText(append(b, `,"message":`...), message)
	return strconv.AppendInt(append(b, `,"statusCode":`...), int64(status), 10)
}

// appendImages leaves the rare message with pictures to encoding/json.
func appendImages(b []byte, images []ImageJSON) []byte {
	if len(images) == 0 {
		return append(b, '[', ']')
	}
	return appendAny(b, images)
}

// appendText appends a JSON string: the runs that need no escape as they are, and a text with
// anything unusual in it by encoding/json.
func appendText(b []byte, s string) []byte {
	start := len(b)
	b = append(b, '"')
	run := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < 0x7f {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, n := utf8.DecodeRuneInString(s[i:])
			if r != utf8.RuneError && r != 0x2028 && r != 0x2029 {
				i += n
				continue
			}
			return appendAny(b[:start], s)
		}
		b = append(b, s[run:i]...)
		switch c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		default:
			return appendAny(b[:start], s)
		}
		i++
		run = i
	}
	b = append(b, s[run:]...)
	return append(b, '"')
}

// appendAny appends what encoding/json makes of v.
func appendAny(b []byte, v any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return append(b, "null"...) // strings and our own structs always encode
	}
	return append(b, bytes.TrimSuffix(out.Bytes(), []byte("\n"))...)
}
