package models

import "time"

// Account is somebody who signed up here, for the contract that has accounts of its own.
type Account struct {
	ID           string `gorm:"primaryKey"`
	Email        string
	EmailKey     string // unique: the address as people mean it
	Name         string
	PasswordHash string // argon2id, in its usual text form
	VerifiedAt   *time.Time
	CreatedAt    time.Time
}

// AccountLink is a mailed link that proves an address.
type AccountLink struct {
	TokenHash string `gorm:"primaryKey"`
	AccountID string
	ExpiresAt time.Time
}

// AccountToken is a refresh token that was given out; only its hash is kept.
type AccountToken struct {
	TokenHash string `gorm:"primaryKey"`
	Family    string // all tokens of one log-in
	AccountID string
	ExpiresAt time.Time
	UsedAt    *time.Time // exchanged for the next one
	RevokedAt *time.Time
	CreatedAt time.Time
}
