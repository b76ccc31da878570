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
		last := list[next+chunkOf(list[next:], at)-1]
		chunk, err := s.store.backlog(ctx, u, at, last.chatID, backlogChunk)
		if err != nil {
			return err
		}
		done := last.chatID // the chats before it have been handed over, and itself, unless the chunk is full
		upTo := map[string]int64{}
		full := len(chunk) == backlogChunk
		if full {
			m := chunk[len(chunk)-1]
			at, done = behind{chatID: m.ChatID, from: m.Seq}, m.ChatID
			if to, ok := end[m.ChatID]; ok {
				upTo[m.ChatID] = min(m.Seq, to)
			}
		} else {
			at = behind{chatID: last.chatID, from: last.to}
		}
		for ; next < len(list) && (list[next].chatID < done || !full && list[next].chatID == done); next++ {
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

// chunkOf is how many of the chats in list, the first of them from at on, have at least a chunk of messages: all of
// them when they have less.
func chunkOf(list []behind, at behind) int {
	n := int64(0)
	for i, b := range list {
		from := b.from
		if b.chatID == at.chatID {
			from = max(from, at.from)
		}
		if n += max(0, b.to-from); n >= backlogChunk {
			return i + 1
		}
	}
	return len(list)
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
