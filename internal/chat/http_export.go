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
	Place    string            `json:"place,omitempty" doc:"Of a chat or a message: given as the query's after, the export goes on behind this line."`
}

type exportQuery struct {
	Type  string `path:"type"`
	ID    string `path:"id"`
	After string `query:"after" maxLength:"128" doc:"The place of the last whole line that has one, when a download was cut: only the lines behind it are sent."`
}

func (q *exportQuery) person() *userPath { return &userPath{q.Type, q.ID} }

// AccountJSON is what is kept of an account; the password is not.
type AccountJSON struct {
	Email      string     `json:"email"`
	Name       string     `json:"name"`
	CreatedAt  wire.Time  `json:"createdAt" format:"date-time"`
	VerifiedAt *wire.Time `json:"verifiedAt,omitempty" format:"date-time"`
}

// export streams everything a person wrote or received, chat by chat, oldest first; behind a place, when
// one is given. A database that fails halfway cuts the connection.
func (s *Service) export(ctx context.Context, q *exportQuery) (*huma.StreamResponse, error) {
	in := q.person()
	u := in.user()
	from, err := s.exportPlace(ctx, u, q.After)
	if err != nil {
		return nil, err
	}
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
		if err := s.writeExport(hc.Context(), hc.BodyWriter(), u, user, account, from); err != nil {
			s.log.ErrorContext(hc.Context(), "An export was cut short", "user", u.String(), "err", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *Service) writeExport(ctx context.Context, w io.Writer, u models.UserRef, user UserJSON, account *models.Account, from exportPlace) error {
	lines := json.NewEncoder(w)
	at, err := from, error(nil)
	if from.chatID == "" {
		err = s.exportHead(ctx, lines, u, user, account)
	} else {
		at, err = s.exportChat(ctx, lines, u, from)
	}
	for err == nil {
		var chatID string
		if chatID, err = s.store.nextChatOf(ctx, u, at.chatID); err != nil {
			break
		}
		if chatID == "" {
			return lines.Encode(ExportLine{Kind: "end", Messages: at.messages})
		}
		at, err = s.exportChat(ctx, lines, u, exportPlace{chatID: chatID, seq: beforeChat, messages: at.messages})
	}
	return fmt.Errorf("export behind %s %d: %w", at.chatID, at.seq, err)
}

// exportHead writes what is not in a chat: the person, their account, whom they block.
func (s *Service) exportHead(ctx context.Context, lines *json.Encoder, u models.UserRef, user UserJSON, account *models.Account) error {
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
	return nil
}

// exportChat writes the lines of a chat behind a place in it and returns the place of the last one.
func (s *Service) exportChat(ctx context.Context, lines *json.Encoder, u models.UserRef, at exportPlace) (exportPlace, error) {
	c, err := s.store.chat(ctx, at.chatID)
	if err != nil {
		return at, err
	}
	members, err := s.store.members(ctx, at.chatID)
	if err != nil {
		return at, err
	}
	if at.seq == beforeChat {
		at.seq = 0
		head := toAdminChat(c, members, nil)
		if err := lines.Encode(ExportLine{Kind: "chat", Chat: &head, Place: at.text(u)}); err != nil {
			return at, err
		}
	}
	for at.seq < c.LastSeq {
		messages, err := s.store.messagesAfter(ctx, at.chatID, at.seq, transcriptPage)
		if err != nil || len(messages) == 0 {
			return at, err
		}
		for i, m := range toAdminMessages(messages, members) {
			if messages[i].DeletedAt != nil && messages[i].Sender() != u {
				m.Text, m.MessageImages = "", []ImageJSON{}
			}
			at.seq, at.messages = m.Seq, at.messages+1
			if err := lines.Encode(ExportLine{Kind: "message", Message: &m, Place: at.text(u)}); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}
