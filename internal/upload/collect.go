package upload

import (
	"context"
	"time"
)

// collectUntil removes the files of pictures whose message is gone or never came.
func (s *Service) collectUntil(ctx context.Context) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	for {
		if err := s.Collect(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("Deleted pictures could not be removed, they will be tried again", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// Collect removes the files of deleted pictures and of uploads that nobody used within a day. They
// are not served any more in any case; this frees the room. Two nodes may collect at once.
func (s *Service) Collect(ctx context.Context) error {
	for {
		now := s.now()
		ids, err := s.store.waste(ctx, now.Add(-orphanAge), now, collectBatch)
		if err != nil {
			return err
		}
		for _, id := range ids {
			for _, name := range []string{id, id + thumbnailSuffix} {
				if err := s.files.Delete(ctx, name); err != nil {
					return err
				}
			}
		}
		if err := s.store.purged(ctx, ids, now.Add(-24*time.Hour)); err != nil || len(ids) < collectBatch {
			return err
		}
	}
}
