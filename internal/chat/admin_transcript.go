package chat

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

const (
	// maxTranscript is how many messages one transcript holds; afterSeq goes on behind them.
	maxTranscript = 10_000
	// transcriptPage is how many of them are in memory at a time.
	transcriptPage = 500
)

func transcriptOperation() huma.Operation {
	op := adminOperation(http.MethodGet, "adminTranscript", "/chats/{chatId}/transcript", "A whole chat as a file, at most 10,000 messages at a time", 404)
	op.Responses = map[string]*huma.Response{"200": {
		Description: "The chat. X-Next-After-Seq is set when there is more; it is the afterSeq to go on with.",
		Headers:     map[string]*huma.Param{"X-Next-After-Seq": {Schema: &huma.Schema{Type: huma.TypeInteger}}},
		Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}},
			"text/csv":         {Schema: &huma.Schema{Type: huma.TypeString}},
			"text/plain":       {Schema: &huma.Schema{Type: huma.TypeString}},
		},
	}}
	return op
}

// transcriptFormat writes a chat message by message.
type transcriptFormat interface {
	begin(p Page) error
	message(m AdminMessageJSON) error
	end(more bool) error
}

// transcript streams a chat. Its length is decided before the first byte, so that the header can
// say whether there is more; a database that fails halfway cuts the connection, because a short
// file must not look like a whole one.
func (s *Service) transcript(ctx context.Context, in *transcriptQuery) (*huma.StreamResponse, error) {
	after := in.AfterSeq.Value
	if after < 0 {
		return nil, invalid("afterSeq must be a whole number, 0 or more")
	}
	from := PageInput{AfterSeq: &after, Limit: MaxPage}
	first, err := s.adminPage(ctx, in.ChatID, from)
	if err != nil {
		return nil, err
	}
	last := min(first.Chat.LastSeq, after+maxTranscript)
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		contentType, extension := "application/json", "json"
		w := hc.BodyWriter()
		var f transcriptFormat = &jsonTranscript{w: w}
		switch in.Format {
		case "csv":
			contentType, extension, f = "text/csv; charset=utf-8", "csv", &csvTranscript{w: csv.NewWriter(w)}
		case "text":
			contentType, extension, f = "text/plain; charset=utf-8", "txt", &textTranscript{w: w}
		}
		hc.SetHeader("Content-Type", contentType)
		hc.SetHeader("Content-Disposition", fmt.Sprintf(`attachment; filename="chat-%s.%s"`, first.Chat.ID, extension))
		if last < first.Chat.LastSeq {
			hc.SetHeader("X-Next-After-Seq", formatSeq(last))
		}
		if err := s.writeTranscript(hc.Context(), f, first, after, last); err != nil {
			s.log.ErrorContext(hc.Context(), "A transcript was cut short", "chat", first.Chat.ID, "err", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Service) writeTranscript(ctx context.Context, f transcriptFormat, p Page, after, last int64) error {
	if err := f.begin(p); err != nil {
		return err
	}
	for after < last {
		messages, err := s.store.messagesAfter(ctx, p.Chat.ID, after, int(min(transcriptPage, last-after)))
		if err != nil {
			return err
		}
		if len(messages) == 0 {
			return fmt.Errorf("chat %s has no message %d", p.Chat.ID, after+1)
		}
		for _, m := range toAdminMessages(messages, p.Members) {
			if err := f.message(m); err != nil {
				return err
			}
		}
		after = messages[len(messages)-1].Seq
	}
	return f.end(last < p.Chat.LastSeq)
}

type jsonTranscript struct {
	w     io.Writer
	count int
}

func (t *jsonTranscript) begin(p Page) error {
	b, err := json.Marshal(AdminPageJSON{toAdminChat(p.Chat, p.Members, nil), []AdminMessageJSON{}})
	if err != nil {
		return err
	}
	open, ok := bytes.CutSuffix(b, []byte("]}")) // the messages come last and follow one by one
	if !ok {
		return fmt.Errorf("a chat's JSON does not end with its messages: %s", b)
	}
	_, err = fmt.Fprintf(t.w, `{"error":false,"message":"Transcript","statusCode":200,"data":%s`, open)
	return err
}

func (t *jsonTranscript) message(m AdminMessageJSON) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if t.count++; t.count > 1 {
		b = append([]byte(",\n"), b...)
	}
	_, err = t.w.Write(b)
	return err
}

func (t *jsonTranscript) end(more bool) error {
	_, err := fmt.Fprintf(t.w, "]},\"hasMore\":%t}\n", more)
	return err
}

type csvTranscript struct{ w *csv.Writer }

func (t *csvTranscript) begin(Page) error {
	return t.w.Write([]string{"seq", "time", "senderType", "senderId", "text", "images", "read", "deletedAt"})
}

func (t *csvTranscript) message(m AdminMessageJSON) error {
	var images []string
	for _, i := range m.MessageImages {
		images = append(images, i.ImageURL)
	}
	return t.w.Write([]string{
		formatSeq(m.Seq), timeText(&m.Timestamp), m.SenderType, cell(string(m.SenderID)), cell(m.Text),
		cell(strings.Join(images, " ")), fmt.Sprint(m.Read), timeText(m.DeletedAt),
	})
}

func (t *csvTranscript) end(bool) error {
	t.w.Flush()
	return t.w.Error()
}

// cell keeps a spreadsheet from taking what somebody wrote for a formula: what begins like one,
// also behind blanks or in full width, gets an apostrophe in front.
func cell(s string) string {
	begin := strings.TrimLeft(s, " \u00a0\u3000")
	if begin != "" && strings.ContainsAny(string([]rune(begin)[:1]), "=+-@\t\r\n|%＝＋－＠") {
		return "'" + s
	}
	return s
}

type textTranscript struct{ w io.Writer }

func (t *textTranscript) begin(p Page) error {
	c := p.Chat
	var err error
	if c.Kind == models.KindProduct {
		_, err = fmt.Fprintf(t.w, "Chat %s\nProduct  %s (%s)\nCustomer %s (%s)\nVendor   %s (%s)\n\n",
			c.ID, c.ProductName, c.ProductID, c.CustomerName, c.CustomerID, c.StoreName, c.VendorID)
	} else {
		_, err = fmt.Fprintf(t.w, "Chat %s (%s) %s\n\n", c.ID, c.Kind, wire.CleanName(c.Title))
	}
	return err
}

// message indents further lines, so that no text can look like the beginning of the next message.
func (t *textTranscript) message(m AdminMessageJSON) error {
	note := ""
	if m.DeletedAt != nil {
		note = " [deleted " + timeText(m.DeletedAt) + "]"
	}
	text := strings.ReplaceAll(m.Text, "\n", "\n    ")
	for _, i := range m.MessageImages {
		text += "\n    image " + i.ImageURL
	}
	_, err := fmt.Fprintf(t.w, "%s #%d %s %s%s: %s\n", timeText(&m.Timestamp), m.Seq, m.SenderType, string(m.SenderID), note, text)
	return err
}

func (t *textTranscript) end(more bool) error {
	if !more {
		return nil
	}
	_, err := fmt.Fprintln(t.w, "\n(There is more.)")
	return err
}

// timeText is a time as JSON shows it, "" for none.
func timeText(t *wire.Time) string {
	if t == nil {
		return ""
	}
	b, err := t.MarshalJSON()
	if err != nil {
		return ""
	}
	return strings.Trim(string(b), `"`)
}
