package models

import "time"

// Kind is what holds a chat together.
type Kind string

const (
	KindProduct Kind = "product" // one product, one vendor, one customer
	KindDirect  Kind = "direct"  // one per pair of users
	KindGroup   Kind = "group"   // admins and members
	KindSelf    Kind = "self"    // one per user
)

// Chat is a conversation. LastSeq is the place of its newest message; Rev counts changes to
// messages that already existed. The card fields are what was known of the product when the
// chat was opened; they are never overwritten by a later message.
type Chat struct {
	ID         string `gorm:"primaryKey"`
	Kind       Kind
	ProductID  string // product chats only, else empty
	VendorID   string
	CustomerID string
	PairKey    *string // direct and self chats: the people, in a canonical order

	ProductName        string
	ProductImageURL    string
	ProductPrice       string // exact decimal, "" when unknown
	StoreName          string
	StoreLogoURL       string
	CustomerName       string
	CustomerProfilePic string
	ProductVerified    bool

	Title       string // group chats
	Description string

	LastSeq       int64
	AgedSeq       int64 // places up to it have been erased by age
	Rev           int64
	LastMessageAt time.Time
	CreatedAt     time.Time
	UpdatedAt     time.Time
	DeletedAt     *time.Time // taken away for everybody; not to be confused with GORM's soft deletion
	FrozenAt      *time.Time // nobody writes in it until an admin lifts it
	ActiveMinute  int64      `gorm:"->:false;<-:false"` // as a Member's
}

// Minute is t in minutes since 1970: the ActiveMinute of what was last active at t.
func Minute(t time.Time) int64 { return t.Unix() / 60 }

// Parties returns the two people of a product chat.
func (c Chat) Parties() (customer, vendor UserRef) {
	return UserRef{TypeCustomer, c.CustomerID}, UserRef{TypeVendor, c.VendorID}
}

// Member is one person's side of one chat. LastSeq and LastMessageAt repeat the chat's, so
// that "my newest chats" and "who is behind" are each one index range.
// Invariants: 0 ≤ DeliveredSeq, ReadSeq ≤ LastSeq; both only move forward.
// Unread = messages of others with seq > ReadSeq that are not deleted.
type Member struct {
	ChatID        string   `gorm:"primaryKey"`
	UserType      UserType `gorm:"primaryKey"`
	UserID        string   `gorm:"primaryKey"`
	Role          string   // "member" | "admin" (groups)
	LastSeq       int64
	DeliveredSeq  int64
	ReadSeq       int64
	ReadAt        *time.Time
	Unread        int64
	LastMessageAt time.Time
	JoinedAt      time.Time
	LeftAt        *time.Time
	// The database works these out of the others. They are what its indexes are made of, because they change
	// less often, and are never read: LastMessageAt in minutes since 1970, LastSeq > DeliveredSeq, Unread > 0.
	ActiveMinute int64 `gorm:"->:false;<-:false"`
	Behind       bool  `gorm:"->:false;<-:false"`
	HasUnread    bool  `gorm:"->:false;<-:false"`
}

// User is the person of this row.
func (m Member) User() UserRef { return UserRef{m.UserType, m.UserID} }

// Message is one entry of a chat. A deleted one is a tombstone: it keeps its id, place and
// original text in the database (an admin may read it) and shows nothing to the two sides.
type Message struct {
	ChatID          string `gorm:"primaryKey"`
	Seq             int64  `gorm:"primaryKey"` // 1, 2, 3 … without a gap
	ID              string
	SenderType      UserType
	SenderID        string
	ClientMessageID *string // unique per sender, for ever
	ContentHash     []byte  // of what was sent under ClientMessageID; empty once the text is erased
	Text            string
	Images          string // JSON array of Image; "[]" for none
	RecipientOnline bool   // when it was committed
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Rev             int64 // the chat's Rev at which it was deleted; 0: never changed
	DeletedAt       *time.Time
	DeletedByType   UserType
	DeletedByID     string
}

// Sender is who wrote it.
func (m Message) Sender() UserRef { return UserRef{m.SenderType, m.SenderID} }

// Attachment is an uploaded image. MessageID is nil until a message uses it.
type Attachment struct {
	ID        string `gorm:"primaryKey"`
	OwnerType UserType
	OwnerID   string
	ChatID    *string
	MessageID *string
	URL       string
	MimeType  string
	Size      int64 // bytes
	Width     int   // pixels
	Height    int
	CreatedAt time.Time
	DeletedAt *time.Time // its message is gone; not GORM's soft deletion
	Purged    bool       // its files are gone too; the row still counts for the day's quota
}

// Product is a verified catalogue card, put there by the shop's backend.
type Product struct {
	ID           string `gorm:"primaryKey"`
	Name         string
	Price        string // exact decimal
	Currency     string // ISO 4217
	ImageURL     string
	URL          string
	VendorID     string
	StoreName    string
	StoreLogoURL string
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// AuditEntry records what an admin looked at or did.
type AuditEntry struct {
	ID        string `gorm:"primaryKey"`
	At        time.Time
	ActorType UserType
	ActorID   string
	Action    string // "chats.list", "chat.read", "message.delete" …
	Target    string // what it was about: a chat id, "vendor:2", or the filter used
	Detail    string // JSON object
}

// Image is one picture of a message, as Message.Images keeps it. The addresses of an upload are not
// stored: they are made, with an expiry, whenever the message is read.
type Image struct {
	ID       string
	URL      string
	ThumbURL string `json:",omitempty"`
	MimeType string
	Size     int64 // bytes
	Width    int   // pixels
	Height   int
}

// Profile is what somebody is called, as their token or account said last.
type Profile struct {
	UserType  UserType `gorm:"primaryKey"`
	UserID    string   `gorm:"primaryKey"`
	Name      string
	Picture   string
	UpdatedAt time.Time
}

// ChatNumber is the integer by which some contracts know a chat.
type ChatNumber struct {
	Number int64  `gorm:"primaryKey;autoIncrement"`
	ChatID string // unique
}
