package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// ExportLine is one line of an export; kind says which of the fields it has. The last line has the
// kind "end": without it the file is not whole.
type ExportLine struct {
	Kind     string            `json:"kind" enum:"user,chat,message,block,end"`
	User     *UserJSON         `json:"user,omitempty"`
	Chat     *AdminChatJSON    `json:"chat,omitempty"`
	Message  *AdminMessageJSON `json:"message,omitempty" doc:"Deleted messages of the person have their text, those of others do not."`
	Block    *BlockedJSON      `json:"block,omitempty"`
	Messages int64             `json:"messages,omitempty" doc:"In the last line: how many there were."`
}

// export streams everything a person wrote or received, chat by chat, oldest first. A database that
// fails halfway cuts the connection.
func (s *Service) export(ctx context.Context, in *userPath) (*huma.StreamResponse, error) {
	u := in.user()
	user, err := s.adminUser(ctx, in)
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/x-ndjson")
		hc.SetHeader("Content-Disposition", `attachment; filename="export.ndjson"`)
		if err := s.writeExport(hc.Context(), hc.BodyWriter(), u, user.Body.Data); err != nil {
			s.log.ErrorContext(hc.Context(), "An export was cut short", "user", u.String(), "err", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Service) writeExport(ctx context.Context, w io.Writer, u models.UserRef, user UserJSON) error {
	lines := json.NewEncoder(w)
	if err := lines.Encode(ExportLine{Kind: "user", User: &user}); err != nil {
		return err
	}
	blocks, err := s.store.blocksBy(ctx, u)
	if err != nil {
		return err
	}
	for _, b := range blocks {
		row := BlockedJSON{UserID: wire.ID(b.BlockedID), UserType: string(b.BlockedType), BlockedAt: wire.At(b.CreatedAt)}
		if err := lines.Encode(ExportLine{Kind: "block", Block: &row}); err != nil {
			return err
		}
	}
	var total int64
	for chatID := ""; ; {
		if chatID, err = s.store.nextChatOf(ctx, u, chatID); err != nil {
			return err
		}
		if chatID == "" {
			return lines.Encode(ExportLine{Kind: "end", Messages: total})
		}
		n, err := s.exportChat(ctx, lines, u, chatID)
		if err != nil {
			return fmt.Errorf("export chat %s: %w", chatID, err)
		}
		total += n
	}
}

func (s *Service) exportChat(ctx context.Context, lines *json.Encoder, u models.UserRef, chatID string) (n int64, err error) {
	c, err := s.store.chat(ctx, chatID)
	if err != nil {
		return 0, err
	}
	members, err := s.store.members(ctx, chatID)
	if err != nil {
		return 0, err
	}
	head := toAdminChat(c, members, nil)
	if err := lines.Encode(ExportLine{Kind: "chat", Chat: &head}); err != nil {
		return 0, err
	}
	for after := int64(0); after < c.LastSeq; {
		messages, err := s.store.messagesAfter(ctx, chatID, after, transcriptPage)
		if err != nil || len(messages) == 0 {
			return n, err
		}
		for i, m := range toAdminMessages(messages, members) {
			if messages[i].DeletedAt != nil && messages[i].Sender() != u {
				m.Text, m.MessageImages = "", []ImageJSON{}
			}
			if err := lines.Encode(ExportLine{Kind: "message", Message: &m}); err != nil {
				return n, err
			}
			n++
		}
		after = messages[len(messages)-1].Seq
	}
	return n, nil
}
