package upload

import (
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// PictureJSON is an upload: its id goes into messageImages of a message.
type PictureJSON struct {
	ID           string    `json:"id" format:"uuid" doc:"Put it into messageImages of a message within 24 hours."`
	ImageURL     string    `json:"imageUrl" doc:"Signed; it expires after about two hours. Messages always come with fresh ones."`
	ThumbnailURL string    `json:"thumbnailUrl" doc:"At most 320 pixels on the longer side; signed like imageUrl."`
	MimeType     string    `json:"mimeType" enum:"image/jpeg,image/png,image/gif" doc:"As it is kept: a WebP becomes a JPEG or a PNG."`
	Size         int64     `json:"size" doc:"Bytes."`
	Width        int       `json:"width" doc:"Pixels."`
	Height       int       `json:"height" doc:"Pixels."`
	CreatedAt    wire.Time `json:"createdAt" format:"date-time"`
}

func toPicture(a models.Attachment, l Links) PictureJSON {
	return PictureJSON{
		ID: a.ID, ImageURL: l.Picture(a.ID), ThumbnailURL: l.Thumbnail(a.ID), MimeType: a.MimeType,
		Size: a.Size, Width: a.Width, Height: a.Height, CreatedAt: wire.At(a.CreatedAt),
	}
}
