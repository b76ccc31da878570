package chat

import (
	"encoding/json"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// ChatJSON is a chat as a client sees it. Messages run oldest to newest.
type ChatJSON struct {
	ID                 string        `json:"id" format:"uuid"`
	ProductID          string        `json:"productId"`
	VendorID           wire.ID       `json:"vendorId"`
	CustomerID         wire.ID       `json:"customerId"`
	ProductImageURL    string        `json:"productImageUrl"`
	ProductPrice       string        `json:"productPrice" doc:"An exact decimal, or empty when unknown."`
	ProductName        string        `json:"productName"`
	StoreLogoURL       string        `json:"storeLogoUrl"`
	CustomerProfilePic string        `json:"customerProfilePic"`
	CustomerName       string        `json:"customerName"`
	StoreName          string        `json:"storeName"`
	ProductVerified    bool          `json:"productVerified" doc:"The shop's catalogue vouches for the product's fields."`
	ProductSuspicious  bool          `json:"productNameSuspicious,omitempty" doc:"The name has letters of different alphabets that look alike; left out when it has not, or when the catalogue vouches for it."`
	StoreSuspicious    bool          `json:"storeNameSuspicious,omitempty" doc:"The same of storeName."`
	CustomerSuspicious bool          `json:"customerNameSuspicious,omitempty" doc:"The same of customerName, whoever vouches for it."`
	CreatedAt          wire.Time     `json:"createdAt" format:"date-time"`
	UpdatedAt          wire.Time     `json:"updatedAt" format:"date-time"`
	LastSeq            int64         `json:"lastSeq" doc:"The place of the newest message; 0 when there is none."`
	Rev                int64         `json:"rev" doc:"Counts changes to messages that already existed."`
	LastMessageAt      wire.Time     `json:"lastMessageAt" format:"date-time"`
	Frozen             bool          `json:"frozen" doc:"Nobody can write in it until an admin lifts that."`
	BlockedByMe        bool          `json:"blockedByMe" doc:"The caller takes no messages from the other side."`
	UnreadCount        int64         `json:"unreadCount" doc:"Messages of the other side that the caller has not read."`
	Messages           []MessageJSON `json:"messages"`
	HasMore            bool          `json:"hasMore" doc:"Older messages exist; ask getMessages with beforeSeq = nextCursor."`
	NextCursor         string        `json:"nextCursor,omitempty"`
}

// ImageJSON is one picture of a message.
type ImageJSON struct {
	ID       string `json:"id" format:"uuid"`
	ImageURL string `json:"imageUrl" doc:"Signed; it expires after about two hours. Reading the message again gives a fresh one."`
	ThumbURL string `json:"thumbnailUrl,omitempty" doc:"At most 320 pixels on the longer side."`
	MimeType string `json:"mimeType"`
	Size     int64  `json:"size" doc:"Bytes."`
	Width    int    `json:"width" doc:"Pixels."`
	Height   int    `json:"height" doc:"Pixels."`
}

// MessageJSON is a message as a client sees it; a deleted one has an empty text, no images and
// a deletedAt.
type MessageJSON struct {
	ID              string      `json:"id" format:"uuid"`
	MessageID       string      `json:"messageId" format:"uuid" doc:"The same as id."`
	ChatID          string      `json:"chatId" format:"uuid"`
	Seq             int64       `json:"seq" doc:"The message's place in its chat: 1, 2, 3 … without a gap."`
	SenderID        wire.ID     `json:"senderId"`
	SenderType      string      `json:"senderType" enum:"CUSTOMER,VENDOR,MEMBER,SYSTEM"`
	Text            string      `json:"text"`
	MessageImages   []ImageJSON `json:"messageImages"`
	Timestamp       wire.Time   `json:"timestamp" format:"date-time"`
	Read            bool        `json:"read" doc:"The other side has read it."`
	RecipientOnline bool        `json:"recipientOnline" doc:"The other side was online when it was stored."`
	ClientMessageID string      `json:"clientMessageId,omitempty"`
	CreatedAt       wire.Time   `json:"createdAt" format:"date-time"`
	UpdatedAt       wire.Time   `json:"updatedAt" format:"date-time"`
	DeletedAt       *wire.Time  `json:"deletedAt,omitempty" format:"date-time"`
}

// SentJSON answers a send: the message, and whether its key had been seen before.
type SentJSON struct {
	MessageJSON
	Duplicate bool `json:"duplicate,omitempty" doc:"The clientMessageId was used before; this is the first result."`
}

// ReceivedJSON is the body of receiveMessage. The documented shapes are two: the message's own
// fields, and a nested {error, message, type, data}; one object satisfies both.
type ReceivedJSON struct {
	MessageJSON
	Error   bool        `json:"error"`
	Message *string     `json:"message" doc:"Always null."`
	Type    int         `json:"type" doc:"Always 201."`
	Data    MessageJSON `json:"data"`
}

// ReadReceiptJSON is the body of updateReadReceipts.
type ReadReceiptJSON struct {
	ChatID     string    `json:"chatId" format:"uuid"`
	ReaderID   wire.ID   `json:"readerId"`
	ReaderType string    `json:"readerType" enum:"customer,vendor,member"`
	ReadSeq    int64     `json:"readSeq" doc:"Every message up to this place is read."`
	ReadAt     wire.Time `json:"readAt" format:"date-time"`
}

// DeliveryJSON is the body of messageStatus.
type DeliveryJSON struct {
	ChatID        string  `json:"chatId" format:"uuid"`
	RecipientID   wire.ID `json:"recipientId"`
	RecipientType string  `json:"recipientType" enum:"customer,vendor,member"`
	DeliveredSeq  int64   `json:"deliveredSeq" doc:"Every message up to this place has reached the recipient."`
	Status        string  `json:"status" enum:"delivered"`
}

// DeletedJSON names a deleted message.
type DeletedJSON struct {
	ChatID    string `json:"chatId" format:"uuid"`
	MessageID string `json:"messageId" format:"uuid"`
	Seq       int64  `json:"seq"`
}

// TypingJSON is the body of typing, stoppedTyping and userTyping.
type TypingJSON struct {
	ChatID   string  `json:"chatId" format:"uuid"`
	UserID   wire.ID `json:"userId"`
	UserType string  `json:"userType" enum:"customer,vendor,member"`
	IsTyping bool    `json:"isTyping"`
}

// PositionJSON is how far one side of a chat has come.
type PositionJSON struct {
	UserID       wire.ID    `json:"userId"`
	UserType     string     `json:"userType"`
	DeliveredSeq int64      `json:"deliveredSeq"`
	ReadSeq      int64      `json:"readSeq"`
	ReadAt       *wire.Time `json:"readAt,omitempty" format:"date-time"`
}

// ResumedJSON is one chat of a resume answer.
type ResumedJSON struct {
	ChatID    string         `json:"chatId" format:"uuid"`
	Messages  []MessageJSON  `json:"messages" doc:"What came after the given seq, oldest first."`
	Deleted   []DeletedJSON  `json:"deleted" doc:"Messages up to the given seq that were deleted after the given rev."`
	Positions []PositionJSON `json:"positions"`
	LastSeq   int64          `json:"lastSeq"`
	Rev       int64          `json:"rev"`
	HasMore   bool           `json:"hasMore" doc:"Ask again with the last seq of messages."`
}

func toMessage(m models.Message, readSeq int64) MessageJSON {
	out := MessageJSON{
		ID: m.ID, MessageID: m.ID, ChatID: m.ChatID, Seq: m.Seq,
		SenderID: wire.ID(m.SenderID), SenderType: m.SenderType.Upper(),
		Text: m.Text, MessageImages: []ImageJSON{}, Timestamp: wire.At(m.CreatedAt),
		Read: m.Seq <= readSeq, RecipientOnline: m.RecipientOnline,
		CreatedAt: wire.At(m.CreatedAt), UpdatedAt: wire.At(m.UpdatedAt), DeletedAt: wire.AtPtr(m.DeletedAt),
	}
	if m.ClientMessageID != nil {
		out.ClientMessageID = *m.ClientMessageID
	}
	if m.DeletedAt != nil {
		out.Text = ""
		return out
	}
	if len(m.Images) > 2 {
		var images []models.Image
		if json.Unmarshal([]byte(m.Images), &images) == nil {
			for _, i := range images {
				out.MessageImages = append(out.MessageImages, ImageJSON{
					ID: i.ID, ImageURL: i.URL, ThumbURL: i.ThumbURL, MimeType: i.MimeType, Size: i.Size, Width: i.Width, Height: i.Height,
				})
			}
		}
	}
	return out
}

// toMessages renders a page; positions tell which messages the other side has read.
func toMessages(messages []models.Message, members []models.Member) []MessageJSON {
	out := make([]MessageJSON, 0, len(messages))
	for _, m := range messages {
		out = append(out, toMessage(m, readByOthers(m.Sender(), members)))
	}
	return out
}

// readByOthers is how far everybody but the sender has read: a message counts as read when the
// slowest of them has.
func readByOthers(sender models.UserRef, members []models.Member) int64 {
	lowest := int64(-1)
	for _, m := range members {
		if m.User() == sender || m.LeftAt != nil {
			continue
		}
		if lowest < 0 || m.ReadSeq < lowest {
			lowest = m.ReadSeq
		}
	}
	return max(lowest, 0)
}

func toChat(c models.Chat, unread int64, messages []MessageJSON) ChatJSON {
	out := ChatJSON{
		ID: c.ID, ProductID: c.ProductID, VendorID: wire.ID(c.VendorID), CustomerID: wire.ID(c.CustomerID),
		ProductImageURL: c.ProductImageURL, ProductPrice: c.ProductPrice, ProductName: c.ProductName,
		StoreLogoURL: c.StoreLogoURL, CustomerProfilePic: c.CustomerProfilePic, CustomerName: c.CustomerName,
		StoreName: c.StoreName, ProductVerified: c.ProductVerified,
		ProductSuspicious: !c.ProductVerified && wire.LooksAlike(c.ProductName), StoreSuspicious: !c.ProductVerified && wire.LooksAlike(c.StoreName),
		CustomerSuspicious: wire.LooksAlike(c.CustomerName),
		CreatedAt:          wire.At(c.CreatedAt), UpdatedAt: wire.At(c.UpdatedAt),
		LastSeq: c.LastSeq, Rev: c.Rev, LastMessageAt: wire.At(c.LastMessageAt), UnreadCount: unread, Frozen: c.FrozenAt != nil,
		Messages: messages,
	}
	if out.Messages == nil {
		out.Messages = []MessageJSON{}
	}
	if len(messages) > 0 && messages[0].Seq > 1 {
		out.HasMore = true
		out.NextCursor = formatSeq(messages[0].Seq)
	}
	return out
}

func toReceived(m MessageJSON) ReceivedJSON { return ReceivedJSON{MessageJSON: m, Type: 201, Data: m} }

func toPositions(members []models.Member) []PositionJSON {
	out := make([]PositionJSON, 0, len(members))
	for _, m := range members {
		out = append(out, PositionJSON{
			UserID: wire.ID(m.UserID), UserType: string(m.UserType),
			DeliveredSeq: m.DeliveredSeq, ReadSeq: m.ReadSeq, ReadAt: wire.AtPtr(m.ReadAt),
		})
	}
	return out
}

// ConnectedJSON says who somebody is.
type ConnectedJSON struct {
	UserID   wire.ID `json:"userId"`
	UserType string  `json:"userType" enum:"customer,vendor,member"`
}

// GoneJSON is the body of userIsOffline.
type GoneJSON struct {
	UserID   wire.ID   `json:"userId"`
	UserType string    `json:"userType" enum:"customer,vendor,member"`
	LastSeen wire.Time `json:"lastSeen" format:"date-time"`
}

// ReadAnswerJSON answers markAsRead.
type ReadAnswerJSON struct {
	ChatID      string `json:"chatId" format:"uuid"`
	ReadSeq     int64  `json:"readSeq" doc:"The caller's read position now."`
	UnreadCount int64  `json:"unreadCount"`
}

// SentReply answers a send.
type SentReply struct {
	Error      bool     `json:"error"`
	Message    string   `json:"message"`
	StatusCode int      `json:"statusCode" doc:"201."`
	Data       SentJSON `json:"data"`
	Duplicate  bool     `json:"duplicate,omitempty" doc:"The clientMessageId was used before; data is the first result."`
}

func toSentReply(s Sent) SentReply {
	return SentReply{
		Message: "Message has been sent", StatusCode: 201, Duplicate: s.Duplicate,
		Data: SentJSON{MessageJSON: toMessage(s.Message, 0), Duplicate: s.Duplicate},
	}
}

func connectedJSON(u models.UserRef) ConnectedJSON {
	return ConnectedJSON{UserID: wire.ID(u.ID), UserType: string(u.Type)}
}

func offlineBody(messages []MessageJSON) wire.Envelope[[]MessageJSON] {
	return wire.OK("Offline messages has been sent successfully", messages)
}
