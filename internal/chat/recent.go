package chat

import (
	"slices"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"chaffer/internal/models"
)

const (
	recentChats = 1000     // chats of which a node keeps the newest messages, some 10 KB each
	recentBytes = 16 << 10 // of texts of one chat; longer ones are read each time
	recentFor   = time.Minute
)

// recent keeps the newest messages of chats that somebody was listed a moment ago. Both sides of a chat and
// all their devices come back together after a deploy, and reading twenty messages of fifty chats is most of
// what a connect costs. A chat's last place and rev say whether what is kept is what there is: each message
// moves the one and each change of a message the other, so nobody has to tell this of either.
type recent struct{ chats *lru.Cache[string, preview] }

// preview is the end of a chat as it was at a place and a rev.
type preview struct {
	seq, rev int64
	messages []models.Message // without the addresses of pictures, which expire
	until    time.Time
}

func newRecent() *recent {
	chats, err := lru.New[string, preview](recentChats)
	if err != nil {
		panic(err) // the size is a constant above zero
	}
	return &recent{chats}
}

// fill gives items the messages that are kept, and returns the ids of those that are to be read.
func (r *recent) fill(items map[string]*InboxItem) (missing []string) {
	now := time.Now()
	for id, item := range items {
		p, ok := r.chats.Get(id)
		if ok && p.seq == item.Chat.LastSeq && p.rev == item.Chat.Rev && now.Before(p.until) {
			item.Messages = slices.Clone(p.messages)
			continue
		}
		missing = append(missing, id)
	}
	slices.Sort(missing)
	return missing
}

// keep takes what was read of a chat after its row. What came between the two is not kept: the next
// reader would take it for less than there is.
func (r *recent) keep(item *InboxItem) {
	n, bytes := len(item.Messages), 0
	if n == 0 || item.Messages[n-1].Seq != item.Chat.LastSeq {
		return
	}
	kept := slices.Clone(item.Messages)
	for i := range kept {
		if kept[i].DeletedAt != nil {
			kept[i].Text = "" // only admins see it, and not here
		}
		bytes += len(kept[i].Text) + len(kept[i].Images)
	}
	if bytes <= recentBytes {
		r.chats.Add(item.Chat.ID, preview{item.Chat.LastSeq, item.Chat.Rev, kept, time.Now().Add(recentFor)})
	}
}
