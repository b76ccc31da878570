package models

import "time"

// Revocation ends somebody's sessions: tokens issued up to At are refused.
type Revocation struct {
	UserType UserType `gorm:"primaryKey"`
	UserID   string   `gorm:"primaryKey"`
	At       time.Time
}

// User is the person of this row.
func (r Revocation) User() UserRef { return UserRef{r.UserType, r.UserID} }

// Block says that one person takes no messages from another.
type Block struct {
	BlockerType UserType `gorm:"primaryKey"`
	BlockerID   string   `gorm:"primaryKey"`
	BlockedType UserType `gorm:"primaryKey"`
	BlockedID   string   `gorm:"primaryKey"`
	CreatedAt   time.Time
}

// Report is one person's complaint about one message of a chat they are in.
type Report struct {
	ID             string `gorm:"primaryKey"`
	CreatedAt      time.Time
	ReporterType   UserType
	ReporterID     string
	ChatID         string
	MessageID      string
	Reason         string // one of chat.Reasons
	Note           string // the reporter's own words
	ResolvedAt     *time.Time
	ResolvedByType UserType
	ResolvedByID   string
	Resolution     string // the admin's note
}

// Job is work that outlives a request and a crash: the erasure of a person.
type Job struct {
	ID              string `gorm:"primaryKey"`
	Kind            string // "erase"
	UserType        UserType
	UserID          string
	State           string // "running" | "done"
	Position        string // where to go on after a crash; "" at the beginning
	Done            int64  // messages so far
	Total           int64  // messages when it began
	RequestedByType UserType
	RequestedByID   string
	CreatedAt       time.Time
	UpdatedAt       time.Time
	FinishedAt      *time.Time
}

// User is whom the job is about.
func (j Job) User() UserRef { return UserRef{j.UserType, j.UserID} }
