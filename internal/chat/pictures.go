package chat

import (
	"encoding/json"

	"chaffer/internal/models"
)

// Pictures makes the addresses under which the pictures of messages can be seen for a while.
type Pictures interface {
	Picture(id string) string
	Thumbnail(id string) string
}

// show fills in the addresses of a message's pictures. Rows hold none, because addresses expire:
// they are made whenever a message is read for somebody who may see it.
func (st *store) show(m *models.Message) {
	if st.pictures == nil || len(m.Images) <= 2 {
		return
	}
	var images []models.Image
	if json.Unmarshal([]byte(m.Images), &images) != nil {
		return
	}
	for i := range images {
		if images[i].URL == "" {
			images[i].URL, images[i].ThumbURL = st.pictures.Picture(images[i].ID), st.pictures.Thumbnail(images[i].ID)
		}
	}
	if b, err := json.Marshal(images); err == nil {
		m.Images = string(b)
	}
}

func (st *store) showAll(messages []models.Message) []models.Message {
	for i := range messages {
		st.show(&messages[i])
	}
	return messages
}
