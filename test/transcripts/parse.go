// Package transcripts reads and plays golden conversations: testdata/transcripts/*.txt, which
// docs/PROTOCOL.md includes. What a reader sees there is what the real server answered.
//
//	# a comment, kept in the documentation
//	! PRESENCE_GRACE = 100ms            a setting of the server for this conversation
//	A = customer 2 "John Doe"           a device of somebody; A2 = … is another device;
//	                                    with ", silent" behind it, it answers no heartbeat
//	R = service                         the shop's backend; also: nobody, token "text"
//	A> presence                         connects a namespace (presence, chat, /, nestchat), or: close
//	A = account "Ann"                   somebody who has signed up, with the pair of expresschat
//	A> sendMessage {text: "Hi"}         emits into /chat; `A> /presence getPresence …` elsewhere
//	A= {error: false, …}                the acknowledgement of the device's last emit
//	A=201 {success: true, …}            the same, with the status of a REST answer that does not say it
//	A> join $chat                       a value that is no object: a name, a text in quotes
//	B< newChat {data: {id: $chat, …}, …}    an event that must arrive; every event in /chat must be
//	                                    named, except those that come by themselves: userIsOnline,
//	                                    userIsOffline, messageStatus; of other contracts, every event
//	A> GET /api/v1/chats [Header: value]    REST with the device's token; A= is the body
//
// Values are JSON with bare keys, and: $name stores a value at its first sight and compares it
// afterwards; <uuid>, <time>, <int>, <string>, <any> match by kind; <token customer 2> mints one;
// … in an object allows more keys, in an array more items. A line that starts with a space
// continues the one before.
package transcripts

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// Kind says what a line does.
type Kind string

// The kinds of lines.
const (
	Setting Kind = "!"
	Declare Kind = "="  // A = customer 2 "John Doe"
	Do      Kind = ">"  // the device does something
	Hear    Kind = "<"  // the device hears an event
	Answer  Kind = "=>" // A= {…}
)

// Step is one line of a conversation.
type Step struct {
	Line   int
	Kind   Kind
	Device string // "" for a setting
	Words  string // what follows the mark, without the value
	Value  Value  // nil when there is none
	Status int    // of A=201 {…}; 0: the body says it, or the answer is an acknowledgement
}

var (
	setting = regexp.MustCompile(`^!\s*([A-Z_]+)\s*=\s*(.*)$`)
	declare = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*) = (.+)$`)
	action  = regexp.MustCompile(`^([A-Z][A-Za-z0-9]*)([><=])(\d{3})?\s+(.*)$`)
)

// Read parses the file. An error names the line and what was expected.
func Read(path string) ([]Step, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, l := range join(string(b)) {
		step, err := parseLine(l.text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, l.number, err)
		}
		step.Line = l.number
		steps = append(steps, step)
	}
	return steps, nil
}

type line struct {
	number int
	text   string
}

// join drops comments and blank lines and appends continuations to the line they belong to.
func join(text string) []line {
	var out []line
	for i, l := range strings.Split(text, "\n") {
		trimmed := strings.TrimSpace(l)
		switch {
		case trimmed == "" || strings.HasPrefix(trimmed, "#"):
		case (l[0] == ' ' || l[0] == '\t') && len(out) > 0:
			out[len(out)-1].text += " " + trimmed
		default:
			out = append(out, line{i + 1, trimmed})
		}
	}
	return out
}

func parseLine(l string) (Step, error) {
	if m := setting.FindStringSubmatch(l); m != nil {
		return Step{Kind: Setting, Words: m[1], Value: Literal{strings.TrimSpace(m[2])}}, nil
	}
	if m := declare.FindStringSubmatch(l); m != nil {
		return Step{Kind: Declare, Device: m[1], Words: m[2]}, nil
	}
	m := action.FindStringSubmatch(l)
	if m == nil {
		return Step{}, fmt.Errorf("%q is no line of a conversation: want `A = …`, `A> …`, `A< …`, `A= …`, `! SETTING = value` or `# …`", l)
	}
	rest := m[4]
	step := Step{Device: m[1], Kind: Kind(m[2]), Words: rest}
	step.Status, _ = strconv.Atoi(m[3]) // 0 when there is none
	if m[2] == "=" {
		step.Kind = Answer
	}
	if m := bare.FindStringSubmatch(rest); m != nil && step.Kind == Do {
		value, err := ParseValue(m[2])
		step.Words, step.Value = m[1], value
		return step, err
	}
	// The value starts at the first brace or bracket that is not a [Header: value].
	if at := valueStart(rest); at >= 0 {
		value, err := ParseValue(rest[at:])
		if err != nil {
			return Step{}, err
		}
		step.Words, step.Value = strings.TrimSpace(rest[:at]), value
	}
	return step, nil
}

// bare is an event with a value that is neither an object nor an array.
var bare = regexp.MustCompile(`^([a-zA-Z_/-]+(?: [a-zA-Z_-]+)?) (\$[a-zA-Z][a-zA-Z0-9]*|"[^"]*")$`)

var header = regexp.MustCompile(`^\[([A-Za-z-]+): ([^\]]*)\]`)

func valueStart(s string) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '{':
			// A path such as /chats/{id} is written with $id, so a brace is always a value.
			return i
		case '[':
			if h := header.FindString(s[i:]); h != "" {
				i += len(h) - 1
				continue
			}
			return i
		}
	}
	return -1
}
