package chat

import (
	"context"
	"slices"

	"chaffer/internal/models"
)

// backlogChunk bounds how many messages are read, and emitted, at once.
const backlogChunk = 500

// behind is one chat in which somebody has not received everything.
type behind struct {
	chatID string
	from   int64 // delivered up to here
	to     int64 // exists up to here
}

// backlog hands over what others wrote to u and u has not received, in chunks of at most
// backlogChunk messages, chat by chat; within a chat seq rises. upTo tells how far each chat has
// been handed over with this chunk, own messages included. What has says that u has is left out. One
// chunk is in memory at a time; an error of give ends it.
func (s *Service) backlog(ctx context.Context, u models.UserRef, has map[string]int64, give func(messages []models.Message, upTo map[string]int64) error) error {
	s.positions.settle(ctx, u)
	list, err := s.store.behind(ctx, u)
	if err != nil {
		return err
	}
	end := make(map[string]int64, len(list))
	for _, b := range list {
		end[b.chatID] = b.to
	}
	var at behind // the last one handed over
	for next := 0; next < len(list); {
		chunk, err := s.store.backlog(ctx, u, at, backlogChunk)
		if err != nil {
			return err
		}
		full := len(chunk) == backlogChunk
		upTo := map[string]int64{}
		if full {
			last := chunk[len(chunk)-1]
			at = behind{chatID: last.ChatID, from: last.Seq}
			if to, ok := end[last.ChatID]; ok {
				upTo[last.ChatID] = min(last.Seq, to)
			}
		}
		for ; next < len(list) && (!full || list[next].chatID < at.chatID); next++ {
			upTo[list[next].chatID] = list[next].to
		}
		// What was written after the list was made comes by the live way.
		chunk = slices.DeleteFunc(chunk, func(m models.Message) bool { return m.Seq > end[m.ChatID] || m.Seq <= has[m.ChatID] })
		if err := give(byTime(chunk), upTo); err != nil {
			return err
		}
	}
	return nil
}

// byTime mixes the chats of a chunk by when things were written, and keeps each chat's own order
// even where two servers' clocks disagree.
func byTime(chunk []models.Message) []models.Message {
	latest := map[string]int64{}
	at := make([]int64, len(chunk))
	order := make([]int, len(chunk))
	for i, m := range chunk {
		latest[m.ChatID] = max(latest[m.ChatID], m.CreatedAt.UnixMilli())
		at[i], order[i] = latest[m.ChatID], i
	}
	slices.SortStableFunc(order, func(a, b int) int { return int(at[a] - at[b]) })
	out := make([]models.Message, len(chunk))
	for i, j := range order {
		out[i] = chunk[j]
	}
	return out
}
