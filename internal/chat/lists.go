package chat

import (
	"encoding/json"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// toInbox renders a page of chats so that it fits into one emit: with fewer messages of each when
// they are long, and with fewer chats when that is not enough; the cursor then starts earlier.
func toInbox(inbox Inbox) wire.Page[ChatJSON] {
	page := wire.Page[ChatJSON]{
		Message: "Chats have been sent successfully", StatusCode: 200,
		Data: make([]ChatJSON, 0, len(inbox.Items)), NextCursor: inbox.NextCursor, HasMore: inbox.NextCursor != "",
	}
	preview, fits := fitPreview(inbox.Items)
	budget := maxEmit
	for i, item := range inbox.Items {
		c := item.render(preview)
		if fits { // encoding each chat to measure it costs as much as sending it
			page.Data = append(page.Data, c)
			continue
		}
		if budget -= encodedLen(c); budget < 0 && i > 0 {
			page.NextCursor, page.HasMore = inbox.Items[i-1].cursor(), true
			break
		}
		page.Data = append(page.Data, c)
	}
	return page
}

// render is one chat of a list with at most some of its newest messages.
func (i InboxItem) render(preview int) ChatJSON {
	messages := i.Messages[max(0, len(i.Messages)-preview):]
	c := toChat(i.Chat, i.Mine.Unread, newest(toMessages(messages, i.Members), maxEmit/4))
	c.BlockedByMe = i.Blocked
	return c
}

// fitPreview is how many messages of each chat fit, by upper bounds; fits is false when even one of
// each may be too many.
func fitPreview(items []InboxItem) (preview int, fits bool) {
	for _, preview := range []int{inboxPreview, 10, 5, 2, 1} {
		total := 0
		for _, item := range items {
			total += chatSize(item.Chat)
			for _, m := range item.Messages[max(0, len(item.Messages)-preview):] {
				total += messageOverhead + quotedLen(m.Text) + 2*len(m.Images)
			}
		}
		if total <= maxEmit {
			return preview, true
		}
	}
	return 1, false
}

// chatSize is an upper bound of a chat's length in JSON without its messages, in bytes.
func chatSize(c models.Chat) int {
	total := 1 << 10
	for _, s := range []string{c.ProductID, c.ProductName, c.ProductImageURL, c.StoreName, c.StoreLogoURL, c.CustomerName, c.CustomerProfilePic, c.VendorID, c.CustomerID} {
		total += quotedLen(s)
	}
	return total
}

func encodedLen(v any) int {
	b, err := json.Marshal(v)
	if err != nil {
		return 0 // the emit itself will say so
	}
	return len(b)
}

// toWholeChat renders a chat with as many of its newest messages as one emit holds.
func toWholeChat(p Page, viewer models.UserRef) ChatJSON {
	unread := int64(0)
	for _, m := range p.Members {
		if m.User() == viewer {
			unread = m.Unread
		}
	}
	c := toChat(p.Chat, unread, newest(toMessages(p.Messages, p.Members), maxEmit-chatOverhead))
	c.BlockedByMe = p.Blocked
	return c
}

// toHistory renders a page of messages that fits into one emit, cut on the far side of where the
// reading began.
func toHistory(p Page, in PageInput) wire.Page[MessageJSON] {
	all := toMessages(p.Messages, p.Members)
	page := wire.Page[MessageJSON]{Message: "Messages have been sent successfully", StatusCode: 200, HasMore: p.HasMore}
	if in.AfterSeq != nil {
		page.Data = oldest(all, maxEmit)
	} else {
		page.Data = newest(all, maxEmit)
	}
	page.HasMore = page.HasMore || len(page.Data) < len(all)
	if page.HasMore && len(page.Data) > 0 {
		if in.AfterSeq != nil {
			page.NextCursor = formatSeq(page.Data[len(page.Data)-1].Seq)
		} else {
			page.NextCursor = formatSeq(page.Data[0].Seq)
		}
	}
	return page
}

// toResumed renders what was missed; chats that do not fit any more say hasMore.
func toResumed(list []Resumed) []ResumedJSON {
	out := make([]ResumedJSON, 0, len(list))
	budget := maxEmit
	for _, r := range list {
		j := ResumedJSON{
			ChatID: r.Chat.ID, Messages: []MessageJSON{}, Deleted: []DeletedJSON{}, Positions: toPositions(r.Members),
			LastSeq: r.Chat.LastSeq, Rev: r.Chat.Rev, HasMore: r.HasMore,
		}
		budget -= messageOverhead
		for _, d := range r.Deleted {
			j.Deleted = append(j.Deleted, DeletedJSON{r.Chat.ID, d.ID, d.Seq})
			budget -= 160
		}
		if budget > 0 {
			j.Messages = oldest(toMessages(r.Messages, r.Members), budget)
		}
		for _, m := range j.Messages {
			budget -= m.size()
		}
		j.HasMore = j.HasMore || len(j.Messages) < len(r.Messages)
		out = append(out, j)
	}
	return out
}
