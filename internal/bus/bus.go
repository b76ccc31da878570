// Package bus carries news from one node to the others that are concerned. It promises nothing:
// what it loses, the database's positions heal. So publishing never waits, and what arrives is
// believed only when it carries the seal of a node of this installation.
package bus

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"chaffer/internal/models"
)

// Bus is the carrier. Handlers are added before Start; they are called by one goroutine, in the
// order of arrival, and must not block long.
type Bus interface {
	// Publish sends body to the other nodes on which one of the people is. It never blocks; what
	// does not fit the queue, or waits for more than two seconds, is dropped and counted. Kinds:
	// those that somebody handles.
	Publish(kind string, people []models.UserRef, body any)
	// Handle sets who gets messages of a kind. An error says that the body is not of that kind.
	Handle(kind string, handler func(body json.RawMessage) error)
	// Start begins to carry.
	Start()
	// Complete reports whether news can be expected to arrive from every node that is alive.
	Complete() bool
	// Stats are its counters since the start.
	Stats() Stats
	// Close sends what is queued, as far as that is quick, and stops.
	Close()
}

// Stats counts what a bus did. Dropped were not sent (overload, Redis away); Refused arrived and
// were not believed (seal, size, age, form, twice).
type Stats struct{ Published, Dropped, Received, Refused uint64 }

// Alone is the bus of a single node: nobody else is concerned.
type Alone struct{}

// Publish implements Bus.
func (Alone) Publish(string, []models.UserRef, any) {}

// Handle implements Bus.
func (Alone) Handle(string, func(json.RawMessage) error) {}

// Start implements Bus.
func (Alone) Start() {}

// Complete implements Bus.
func (Alone) Complete() bool { return true }

// Stats implements Bus.
func (Alone) Stats() Stats { return Stats{} }

// Close implements Bus.
func (Alone) Close() {}

// Key derives the key of the seal from a secret that all nodes share.
func Key(secret string) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "chaffer: seal of the bus, version 1", sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive the key of the bus: %w", err)
	}
	return key, nil
}
