package chat

import (
	"unicode/utf8"
)

// maxEmit bounds what one emit carries: no emit is larger than 256 KB, and the envelope and the
// frame need a little of it.
const maxEmit = 240 << 10

const (
	messageOverhead = 640  // an upper bound of a message's JSON without its text, images and key
	imageOverhead   = 2400 // of one image, its address included
	chatOverhead    = 12 << 10
)

// size is an upper bound of a message's length in JSON, in bytes.
func (m MessageJSON) size() int {
	return messageOverhead + len(m.ClientMessageID) + 2*len(m.SenderID) + len(m.MessageImages)*imageOverhead + quotedLen(m.Text)
}

// quotedLen is the length of s as a JSON string.
func quotedLen(s string) int {
	n := 2
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return n + quotedTail(s[i:])
		}
		n += int(quotedASCII[c])
	}
	return n
}

// quotedASCII is how long each character is in a JSON string.
var quotedASCII = func() (t [utf8.RuneSelf]uint8) {
	for c := range t {
		t[c] = uint8(quotedTail(string(rune(c))))
	}
	return t
}()

func quotedTail(s string) (n int) {
	for _, r := range s {
		switch {
		case r == '"' || r == '\\' || r == '\n' || r == '\t':
			n += 2
		case r < ' ' || r == '<' || r == '>' || r == '&' || r == 0x2028 || r == 0x2029:
			n += 6
		default:
			n += utf8.RuneLen(r)
		}
	}
	return n
}

// newest keeps the newest messages that fit into a budget of bytes; at least one.
func newest(messages []MessageJSON, budget int) []MessageJSON {
	for i := len(messages) - 1; i >= 0; i-- {
		if budget -= messages[i].size(); budget < 0 && i < len(messages)-1 {
			return messages[i+1:]
		}
	}
	return messages
}

// oldest keeps the oldest messages that fit into a budget of bytes; at least one.
func oldest(messages []MessageJSON, budget int) []MessageJSON {
	for i := range messages {
		if budget -= messages[i].size(); budget < 0 && i > 0 {
			return messages[:i]
		}
	}
	return messages
}

// splitBySize cuts messages into runs that fit into one emit each.
func splitBySize(messages []MessageJSON) [][]MessageJSON {
	var out [][]MessageJSON
	for len(messages) > 0 {
		part := oldest(messages, maxEmit)
		out = append(out, part)
		messages = messages[len(part):]
	}
	return out
}
