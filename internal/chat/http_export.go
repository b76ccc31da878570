package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// ExportLine is one line of an export; kind says which of the fields it has. The last line has the
// kind "end": without it the file is not whole.
type ExportLine struct {
	Kind     string            `json:"kind" enum:"user,account,chat,message,block,end"`
	User     *UserJSON         `json:"user,omitempty"`
	Account  *AccountJSON      `json:"account,omitempty" doc:"Of somebody who signed up here."`
	Chat     *AdminChatJSON    `json:"chat,omitempty"`
	Message  *AdminMessageJSON `json:"message,omitempty" doc:"Deleted messages of the person have their text, those of others do not."`
	Block    *BlockedJSON      `json:"block,omitempty"`
	Messages int64             `json:"messages,omitempty" doc:"In the last line: how many there were."`
}

// AccountJSON is what is kept of an account; the password is not.
type AccountJSON struct {
	Email      string     `json:"email"`
	Name       string     `json:"name"`
	CreatedAt  wire.Time  `json:"createdAt" format:"date-time"`
	VerifiedAt *wire.Time `json:"verifiedAt,omitempty" format:"date-time"`
}

// export streams everything a person wrote or received, chat by chat, oldest first. A database that
// fails halfway cuts the connection.
func (s *Service) export(ctx context.Context, in *userPath) (*huma.StreamResponse, error) {
	u := in.user()
	account, err := s.store.account(ctx, u)
	if err != nil {
		return nil, err
	}
	user := UserJSON{UserID: wire.ID(u.ID), UserType: string(u.Type)}
	found, err := s.adminUser(ctx, in)
	switch {
	case err == nil:
		user = found.Body.Data
	case account == nil || !apperr.Is(err, apperr.NotFound):
		return nil, err
	default: // signed up, and in no chat yet
		user.Name, user.FirstChatAt, user.LastActivity = account.Name, wire.At(account.CreatedAt), wire.At(account.CreatedAt)
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		hc.SetHeader("Content-Type", "application/x-ndjson")
		hc.SetHeader("Content-Disposition", `attachment; filename="export.ndjson"`)
		if err := s.writeExport(hc.Context(), hc.BodyWriter(), u, user, account); err != nil {
			s.log.ErrorContext(hc.Context(), "An export was cut short", "user", u.String(), "err", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Service) writeExport(ctx context.Context, w io.Writer, u models.UserRef, user UserJSON, account *models.Account) error {
	lines := json.NewEncoder(w)
	if err := lines.Encode(ExportLine{Kind: "user", User: &user}); err != nil {
		return err
	}
	if account != nil {
		kept := AccountJSON{account.Email, account.Name, wire.At(account.CreatedAt), wire.AtPtr(account.VerifiedAt)}
		if err := lines.Encode(ExportLine{Kind: "account", Account: &kept}); err != nil {
			return err
		}
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
