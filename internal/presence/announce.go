package presence

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
	"chaffer/internal/wire"
)

const (
	announceWorkers = 4
	announceQueue   = 4096 // changes waiting for a worker; presence is advice, what is beyond is dropped
	announceTimeout = 5 * time.Second
)

// announcer tells changes to the people concerned. Finding them asks the database, so it is done
// by workers: a slow database delays this advice and nothing else. One user's changes stay in order.
type announcer struct {
	contacts Contacts
	log      *slog.Logger
	seed     maphash.Seed
	queues   []chan Change
	wg       sync.WaitGroup

	mu        sync.RWMutex
	audiences []*realtime.Namespace
	carry     func(Change, []models.UserRef) // to other nodes; nil: there are none
	closed    bool
}

func newAnnouncer(contacts Contacts, log *slog.Logger) *announcer {
	a := &announcer{contacts: contacts, log: log, seed: maphash.MakeSeed()}
	for range announceWorkers {
		queue := make(chan Change, announceQueue)
		a.queues = append(a.queues, queue)
		a.wg.Go(func() {
			for change := range queue {
				a.announce(change)
			}
		})
	}
	return a
}

func (a *announcer) alsoTell(n *realtime.Namespace) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.audiences = append(a.audiences, n)
}

func (a *announcer) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	for _, queue := range a.queues {
		close(queue)
	}
	a.wg.Wait()
}

// tell queues a change; it never blocks.
func (a *announcer) tell(change Change) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	if a.closed {
		return
	}
	select {
	case a.queues[maphash.String(a.seed, change.User.String())%announceWorkers] <- change:
	default:
		a.log.Warn("a change of presence was not announced: too many at once", "user", change.User.String())
	}
}

func (a *announcer) announce(change Change) {
	ctx, cancel := context.WithTimeout(context.Background(), announceTimeout)
	defer cancel()
	people, err := a.contacts.Counterparts(ctx, change.User)
	if err != nil {
		a.log.Warn("a change of presence was not announced", "user", change.User.String(), "err", err)
		return
	}
	a.mu.RLock()
	carry := a.carry
	a.mu.RUnlock()
	if carry != nil && len(people) > 0 {
		carry(change, people)
	}
	a.show(change, people)
}

// show tells this node's sockets of some people.
func (a *announcer) show(change Change, people []models.UserRef) {
	a.mu.RLock()
	audiences := a.audiences
	a.mu.RUnlock()
	event, body := render(change)
	for _, n := range audiences {
		if err := send(n, people, event, body); err != nil {
			a.log.Error("a change of presence could not be encoded", "err", err)
		}
	}
}

// send hands one encoded frame to all sockets of some people on this node.
func send(n *realtime.Namespace, people []models.UserRef, event string, body any) error {
	frame, err := n.Encode(event, body)
	if err != nil {
		return err
	}
	for _, u := range people {
		for _, c := range n.Conns(u) {
			if c.Open() { // one that may still be refused hears nothing
				c.Send(frame)
			}
		}
	}
	return nil
}

func render(change Change) (event string, body any) {
	if change.Online {
		return "userIsOnline", wire.OK("User is online", toPerson(change.User))
	}
	return "userIsOffline", wire.OK("User has gone offline", GoneJSON{
		UserID: wire.ID(change.User.ID), UserType: string(change.User.Type), LastSeen: wire.At(change.LastSeen),
	})
}
