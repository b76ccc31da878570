package chat

import (
	"context"
	"sync"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

// safetyEvery is how late a node hears at most of a block or a freeze of another node that nobody
// announced to it.
const safetyEvery = 2 * time.Second

// pair is who blocks whom.
type pair struct{ by, whom models.UserRef }

// safety knows who has blocked whom and which chats are frozen, so that a send needs no query for
// it. It follows the database, where both are kept.
type safety struct {
	store *store

	mu      sync.RWMutex
	blocks  map[pair]bool
	frozen  map[string]bool
	changes int // counts what was heard: a reading that began before it is out of date

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newSafety(st *store) *safety {
	f := &safety{store: st, blocks: map[pair]bool{}, frozen: map[string]bool{}}
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	_ = f.read(ctx) // a database that is away is looked at again; until then nobody can send either
	f.wg.Go(func() { f.follow(ctx) })
	return f
}

func (f *safety) close() {
	f.cancel()
	f.wg.Wait()
}

func (f *safety) follow(ctx context.Context) {
	tick := time.NewTicker(safetyEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = f.read(ctx) // what is known stays in force
		case <-ctx.Done():
			return
		}
	}
}

func (f *safety) read(ctx context.Context) error {
	f.mu.RLock()
	began := f.changes
	f.mu.RUnlock()
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	blocks, frozen, err := f.store.safety(ctx)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.changes == began {
		f.blocks, f.frozen = blocks, frozen
	}
	return nil
}

// heed takes over what happened here or on another node.
func (f *safety) heed(e Event) {
	switch e := e.(type) {
	case BlockChanged:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changes++
		if e.Blocked {
			f.blocks[pair{e.By, e.Whom}] = true
		} else {
			delete(f.blocks, pair{e.By, e.Whom})
		}
	case FrozenChanged:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.changes++
		if e.Frozen {
			f.frozen[e.ChatID] = true
		} else {
			delete(f.frozen, e.ChatID)
		}
	}
}

func (f *safety) blocked(by, whom models.UserRef) bool {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return len(f.blocks) > 0 && f.blocks[pair{by, whom}]
}

// mayWrite refuses a message in a chat that is frozen, or between two of whom one has blocked the
// other. In a group everybody reads what everybody writes.
func (f *safety) mayWrite(c models.Chat, sender models.UserRef, others []models.UserRef) error {
	f.mu.RLock()
	defer f.mu.RUnlock()
	if len(f.frozen) > 0 && f.frozen[c.ID] {
		return apperr.New(apperr.Forbidden, "This chat has been frozen: nobody can write in it until the shop lifts that")
	}
	if len(f.blocks) == 0 || c.Kind == models.KindGroup {
		return nil
	}
	for _, u := range others {
		switch {
		case f.blocks[pair{sender, u}]:
			return apperr.New(apperr.Forbidden, "You have blocked this person: lift that to write to them")
		case f.blocks[pair{u, sender}]:
			return apperr.New(apperr.Forbidden, "You cannot write to this person")
		}
	}
	return nil
}
