package chat

import (
	"context"
	"sync"
	"time"

	"chaffer/internal/db"
)

const (
	tidyEvery   = time.Second
	tidyTimeout = 4 * time.Second
	tidyLock    = 7_243_011 // of Postgres, so that one node at a time does it
)

// tidier puts what new texts add to Postgres's index of searches in order. Postgres itself does it within
// the insert that finds too much waiting: that commit, and the messages grouped in it, came 15 to 60 ms
// later than others. SQLite has nothing to put in order.
type tidier struct {
	service *Service
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func newTidier(s *Service) *tidier {
	t := &tidier{service: s, cancel: func() {}}
	if s.store.db.Dialect == db.Postgres {
		ctx, cancel := context.WithCancel(context.Background())
		t.cancel = cancel
		t.wg.Go(func() { t.run(ctx) })
	}
	return t
}

func (t *tidier) close() {
	t.cancel()
	t.wg.Wait()
}

func (t *tidier) run(ctx context.Context) {
	tick := time.NewTicker(tidyEvery)
	defer tick.Stop()
	seen, failed := t.service.counters.stored.Load(), false
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		stored := t.service.counters.stored.Load()
		if stored == seen {
			continue
		}
		_, err := t.service.store.tidySearch(ctx)
		if err != nil && !failed && ctx.Err() == nil {
			t.service.log.Warn("The index of searches was not put in order: inserts do it when much is waiting", "err", err)
		}
		if failed = err != nil; !failed {
			seen = stored
		}
	}
}

// tidySearch returns how many pages of new entries were put in order; 0 also when another node does it.
func (st *store) tidySearch(ctx context.Context) (pages int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, tidyTimeout)
	defer cancel()
	err = st.db.WithContext(ctx).Raw(
		`SELECT CASE WHEN pg_try_advisory_xact_lock(?) THEN gin_clean_pending_list('messages_text_trgm') ELSE 0 END`, tidyLock,
	).Scan(&pages).Error
	return pages, fail("put the index of searches in order", err)
}
