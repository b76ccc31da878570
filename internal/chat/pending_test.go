package chat

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"

	"chaffer/internal/models"
)

// A backlog of many chats, long and short, comes whole, in the order of each chat, once, and in chunks.
func TestABacklogOfManyChatsComesInChunks(t *testing.T) {
	each(t, func(t *testing.T, h *house) {
		store := models.UserRef{Type: models.TypeVendor, ID: "77"}
		random := rand.New(rand.NewPCG(1, 2))
		now := time.Now().UTC().Truncate(time.Millisecond)
		var chats []models.Chat
		var members []models.Member
		var messages []models.Message
		want := map[string][]int64{} // of each chat, the places of what others wrote
		end := map[string]int64{}
		for i := range 700 {
			id, delivered := uuid.Must(uuid.NewV7()).String(), int64(random.IntN(3))
			last := delivered + 1 + int64(random.IntN(3))
			if i%200 == 50 {
				last += 2*backlogChunk + int64(random.IntN(2)) // longer than a chunk, and than two
			}
			customer := strconv.Itoa(1000 + i)
			chats = append(chats, models.Chat{
				ID: id, Kind: models.KindProduct, ProductID: "p" + customer, VendorID: store.ID, CustomerID: customer,
				LastSeq: last, LastMessageAt: now, CreatedAt: now, UpdatedAt: now,
			})
			for _, u := range []models.UserRef{store, {Type: models.TypeCustomer, ID: customer}} {
				members = append(members, models.Member{ChatID: id, UserType: u.Type, UserID: u.ID, Role: "member", LastSeq: last, DeliveredSeq: delivered, LastMessageAt: now, JoinedAt: now})
			}
			end[id] = last
			for seq := int64(1); seq <= last; seq++ {
				sender := models.UserRef{Type: models.TypeCustomer, ID: customer}
				if random.IntN(4) == 0 { // some chats have nothing but what the store wrote from another device
					sender = store
				} else if seq > delivered {
					want[id] = append(want[id], seq)
				}
				messages = append(messages, models.Message{
					ChatID: id, Seq: seq, ID: uuid.Must(uuid.NewV7()).String(), SenderType: sender.Type, SenderID: sender.ID, Text: fmt.Sprint(seq), Images: "[]",
					CreatedAt: now, UpdatedAt: now,
				})
			}
		}
		for _, rows := range []any{&chats, &members, &messages} {
			if err := h.db.CreateInBatches(rows, 500).Error; err != nil {
				t.Fatal(err)
			}
		}
		got, upTo, chunks := map[string][]int64{}, map[string]int64{}, 0
		err := h.backlog(context.Background(), store, nil, func(messages []models.Message, places map[string]int64) error {
			chunks++
			if len(messages) > backlogChunk {
				t.Errorf("%d messages at once", len(messages))
			}
			for _, m := range messages {
				got[m.ChatID] = append(got[m.ChatID], m.Seq)
			}
			for id, seq := range places {
				if seq < upTo[id] {
					t.Errorf("chat %s goes back from %d to %d", id, upTo[id], seq)
				}
				upTo[id] = seq
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if chunks < len(messages)/2/backlogChunk || chunks > len(messages)/backlogChunk+10 {
			t.Errorf("%d messages came in %d chunks", len(messages), chunks)
		}
		for id, seq := range end {
			if fmt.Sprint(got[id]) != fmt.Sprint(want[id]) || upTo[id] != seq {
				t.Errorf("of a chat up to %d came %d places up to %d, expected %d", seq, len(got[id]), upTo[id], len(want[id]))
			}
		}
	})
}
