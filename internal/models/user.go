// Package models holds the rows of the database and the identity every layer speaks of.
// No JSON tags and no queries: wire shapes live in each feature's wire.go, SQL in its store.go.
package models

import "strings"

// UserType says which population an id belongs to: customer 2 and vendor 2 are two people.
type UserType string

const (
	TypeCustomer UserType = "customer"
	TypeVendor   UserType = "vendor"
	TypeAdmin    UserType = "admin"
	TypeMember   UserType = "member" // a user of another contract (see docs/GLOSSARY.md)
	TypeSystem   UserType = "system" // the service itself; never in a token
)

// Upper is the spelling of a sender's type on the wire: CUSTOMER, VENDOR, SYSTEM.
func (t UserType) Upper() string { return strings.ToUpper(string(t)) }

// UserRef is an identity: always the pair, never the id alone.
type UserRef struct {
	Type UserType
	ID   string // opaque, 1–64 printable characters
}

// String is for logs and lock keys: "vendor:2".
func (u UserRef) String() string { return string(u.Type) + ":" + u.ID }

// IsZero reports whether nobody is meant.
func (u UserRef) IsZero() bool { return u.Type == "" && u.ID == "" }
