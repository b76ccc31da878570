package chat

import (
	"bytes"
	"encoding/json"
	"errors"

	"chaffer/internal/wire"
)

// IDList is one chat id or an array of them; the documented joinChat has both spellings.
type IDList []string

// UnmarshalJSON accepts "id" and ["id", …].
func (l *IDList) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if bytes.Equal(b, []byte("null")) || bytes.Equal(b, []byte(`""`)) {
		*l = nil
		return nil
	}
	if len(b) > 0 && b[0] == '"' {
		var one string
		if err := json.Unmarshal(b, &one); err != nil {
			return err
		}
		*l = IDList{one}
		return nil
	}
	var many []string
	if err := json.Unmarshal(b, &many); err != nil {
		return errors.New("expected a chat id or an array of chat ids")
	}
	*l = many
	return nil
}

// CardFields are what a client may say about the product and the people; kept once, when the
// chat is opened, and overruled by the catalogue.
type CardFields struct {
	ProductName        string     `json:"productName,omitempty"`
	ProductImageURL    string     `json:"productImageUrl,omitempty"`
	ProductPrice       wire.Price `json:"productPrice,omitempty"`
	StoreName          string     `json:"storeName,omitempty"`
	StoreLogoURL       string     `json:"storeLogoUrl,omitempty"`
	CustomerName       string     `json:"customerName,omitempty"`
	CustomerProfilePic string     `json:"customerProfilePic,omitempty"`
}

func (f CardFields) card() Card {
	return Card{
		ProductName: f.ProductName, ProductImageURL: f.ProductImageURL, ProductPrice: string(f.ProductPrice),
		StoreName: f.StoreName, StoreLogoURL: f.StoreLogoURL,
		CustomerName: f.CustomerName, CustomerProfilePic: f.CustomerProfilePic,
	}
}

// SendRequest is sendMessage.
type SendRequest struct {
	ChatID          string   `json:"chatId,omitempty" doc:"An existing chat; without it productId and recipientId name the chat, which is opened when missing."`
	ProductID       wire.ID  `json:"productId,omitempty"`
	RecipientID     wire.ID  `json:"recipientId,omitempty" doc:"The other side: a vendor for a customer, a customer for a vendor."`
	Text            string   `json:"text,omitempty" doc:"At most 4,000 characters and 16 KB; may be empty with an image."`
	MessageImages   []string `json:"messageImages,omitempty" doc:"Ids of uploads, at most 10."`
	ClientMessageID string   `json:"clientMessageId,omitempty" doc:"1–64 of A–Z a–z 0–9 _ -. The same key and content is the same message, for ever."`
	CardFields
}

func (r SendRequest) input(origin string) SendInput {
	return SendInput{
		ChatID: r.ChatID, ProductID: string(r.ProductID), RecipientID: string(r.RecipientID),
		Text: r.Text, ImageIDs: r.MessageImages, Key: r.ClientMessageID, Card: r.card(), Origin: origin,
	}
}

// JoinRequest is joinChat. Other documented fields are accepted and ignored.
type JoinRequest struct {
	ChatID      string  `json:"chatId,omitempty"`
	ChatIDs     IDList  `json:"chatIds,omitempty" doc:"One chat id, or an array of at most 50."`
	ProductID   wire.ID `json:"productId,omitempty"`
	RecipientID wire.ID `json:"recipientId,omitempty"`
}

// ReadRequest is markAsRead.
type ReadRequest struct {
	ChatID  string `json:"chatId"`
	UpToSeq *int64 `json:"upToSeq,omitempty" doc:"Read up to this place; without it, everything."`
}

// DeleteRequest is deleteMessage.
type DeleteRequest struct {
	ChatID    string `json:"chatId"`
	MessageID string `json:"messageId"`
}

// ChatRequest names a chat: typing and stoppedTyping.
type ChatRequest struct {
	ChatID string `json:"chatId"`
}

// ListRequest is getUserChats.
type ListRequest struct {
	Cursor string `json:"cursor,omitempty"`
	Limit  int    `json:"limit,omitempty" doc:"1–100, 50 unless given."`
}

// HistoryRequest is getMessages.
type HistoryRequest struct {
	ChatID    string `json:"chatId"`
	BeforeSeq *int64 `json:"beforeSeq,omitempty"`
	AfterSeq  *int64 `json:"afterSeq,omitempty"`
	Limit     int    `json:"limit,omitempty" doc:"1–100, 50 unless given."`
}

// PlaceJSON is how far a client has a chat.
type PlaceJSON struct {
	Seq int64 `json:"seq"`
	Rev int64 `json:"rev,omitempty"`
}

// ResumeRequest is resume.
type ResumeRequest struct {
	Positions map[string]PlaceJSON `json:"positions" doc:"By chat id; at most 500 chats."`
}

// DeliveredRequest is messagesDelivered.
type DeliveredRequest struct {
	ChatID  string `json:"chatId"`
	UpToSeq int64  `json:"upToSeq"`
}
