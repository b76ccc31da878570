package chat

import (
	"context"
	"math/rand/v2"
	"time"

	"chaffer/internal/models"
)

const (
	// sweepCalm and sweepAlert are how often the database is asked whether somebody here is missing
	// something: while news arrive in time, and while they may not.
	sweepCalm  = 5 * time.Second
	sweepAlert = 400 * time.Millisecond
	// sweepPatience is what a message may still be under way that the database has already.
	sweepPatience = 150 * time.Millisecond
	// sweepWindow is how far back activity is looked at, behind the last but one sweep.
	sweepWindow  = 15 * time.Second
	sweepChunk   = 500 // people in one query
	sweepTimeout = 3 * time.Second
)

// sweeping compares what this node's sockets were given with the database's positions, and has
// read what is missing. It heals whatever a bus, a crash or a cut connection lost between nodes;
// the second device of somebody, too, whose first one has moved the position already.
func (f *Feed) sweeping(ctx context.Context) {
	last := time.Now()
	before := last
	for {
		pause := sweepCalm
		if f.alert() {
			pause = sweepAlert
		}
		for left := pause - rand.N(pause/8); left > 0 && (pause == sweepAlert || !f.alert()); left -= sweepAlert / 2 {
			select {
			case <-ctx.Done():
				return
			case <-time.After(min(left, sweepAlert/2)):
			}
		}
		began := time.Now()
		if f.sweep(ctx, before.Add(-sweepWindow)) {
			before, last = last, began
		}
	}
}

// alert reports whether news may be missing.
func (f *Feed) alert() bool { return f.complete != nil && !f.complete() || f.service.behind() }

// suspect is a socket that was without a place of a chat.
type suspect struct {
	session *session
	chatID  string
	last    int64 // of the database
}

// sweep looks once at everybody connected here, and a moment later again at who was missing
// something. False: the database did not answer.
func (f *Feed) sweep(ctx context.Context, since time.Time) bool {
	people := f.nsp.Users()
	var suspects []suspect
	for len(people) > 0 {
		n := min(sweepChunk, len(people))
		found, err := f.sweepSome(ctx, people[:n], since)
		if err != nil {
			if ctx.Err() == nil {
				f.log.Warn("nobody could be asked who is missing messages", "err", err)
			}
			return false
		}
		suspects = append(suspects, found...)
		people = people[n:]
	}
	if len(suspects) == 0 {
		return true
	}
	select {
	case <-ctx.Done():
		return true
	case <-time.After(sweepPatience):
	}
	for _, x := range suspects {
		if x.session.isMissing(x.chatID, x.last) {
			f.service.counters.healed.Add(1)
			x.session.heal(x.chatID)
		}
	}
	return true
}

func (f *Feed) sweepSome(ctx context.Context, people []models.UserRef, since time.Time) ([]suspect, error) {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	rows, err := f.service.store.active(ctx, people, since)
	if err != nil {
		return nil, err
	}
	var found []suspect
	for _, m := range rows {
		for _, c := range f.nsp.Conns(m.User()) {
			if s, ok := sessionOf(c); ok && s.isMissing(m.ChatID, m.LastSeq) {
				found = append(found, suspect{s, m.ChatID, m.LastSeq})
			}
		}
	}
	return found, nil
}
