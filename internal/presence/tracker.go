// Package presence knows who is there: a user is online while one of their sockets is connected
// to /presence, and for a short grace afterwards, so that a page change is not a departure.
package presence

import (
	"context"
	"time"

	"chaffer/internal/models"
)

// Change is someone coming or going. LastSeen is zero for someone coming.
type Change struct {
	User     models.UserRef
	Online   bool
	LastSeen time.Time
}

// Tracker counts the sockets of each user. A socket is named by its connection and counted once,
// however often it is added. Every method may be called from any goroutine.
type Tracker interface {
	// Add notes a connected socket. The first of a user is a Change.
	Add(ctx context.Context, u models.UserRef, socketID string) error
	// Remove notes that a socket has gone. After the last one and the grace there is a Change.
	Remove(ctx context.Context, u models.UserRef, socketID string) error
	// Online reports whether u has a socket, or had one within the grace.
	Online(ctx context.Context, u models.UserRef) bool
	// Wait returns when u has a socket, or with ctx's error when ctx ends first.
	Wait(ctx context.Context, u models.UserRef) error
	// LastSeen is when u was last known to be there; zero when not known.
	LastSeen(ctx context.Context, u models.UserRef) time.Time
	// Subscribe adds a listener to changes. It is called without locks held, in order for each
	// user, and must not block long.
	Subscribe(func(Change))
	// Close stops timers; no Change follows.
	Close()
}
