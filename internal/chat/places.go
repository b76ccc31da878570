package chat

import (
	"encoding/json"

	"chaffer/internal/models"
	"chaffer/internal/realtime"
)

// placesOf are the places (chat → seq) that a client says it has when it connects: auth.positions, of
// the same shape as those of resume. A client that comes back and names them is not sent again what it
// has, even where the heartbeat that would have proved it was lost. Invalid for what is no such object.
func placesOf(c *realtime.Conn) (map[string]int64, error) {
	var in struct {
		Positions json.RawMessage `json:"positions"`
	}
	if len(c.Auth()) == 0 || json.Unmarshal(c.Auth(), &in) != nil || len(in.Positions) == 0 {
		return nil, nil
	}
	var asked ResumeRequest
	if err := json.Unmarshal(in.Positions, &asked.Positions); err != nil {
		return nil, invalid("auth.positions must be an object such as {\"<chatId>\": {\"seq\": 12}}")
	}
	if len(asked.Positions) > maxResumeChats {
		return nil, invalid("auth.positions names %d chats: at most %d", len(asked.Positions), maxResumeChats)
	}
	has := make(map[string]int64, len(asked.Positions))
	for chatID, p := range asked.Positions {
		if p.Seq < 0 {
			return nil, invalid("auth.positions: seq must be a whole number, 0 or more")
		}
		if id, ok := parseID(chatID); ok {
			has[id] = max(has[id], p.Seq)
		}
	}
	return has, nil
}

// holds confirms the places that a client says it has, as far as its inbox does not show them as
// delivered. A chat of somebody else is not moved, and nothing past what exists.
func (s *Service) holds(u models.UserRef, has map[string]int64, inbox Inbox) {
	delivered := make(map[string]int64, len(inbox.Items))
	for _, i := range inbox.Items {
		delivered[i.Chat.ID] = i.Mine.DeliveredSeq
	}
	for id, seq := range has {
		if at, listed := delivered[id]; !listed || at < seq {
			s.Confirm(u, id, seq)
		}
	}
}
