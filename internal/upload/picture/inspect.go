// Package picture says what the bytes of a picture are, and writes them again, so that what is kept is a
// picture and nothing else.
package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"image"
	"image/gif"
	"image/jpeg"
	"image/png"
	"net/http"

	"golang.org/x/image/webp"

	"chaffer/internal/apperr"
)

// Bounds of one picture.
const (
	MaxPixels     = 25_000_000 // width times height
	MaxFrames     = 200        // of an animation
	ThumbnailSide = 320        // pixels, the longer side
)

// Info is what the first bytes of a file say, before anything is decoded.
type Info struct {
	Mime          string
	Width, Height int // pixels, as stored: a phone's photo may lie on its side
	Frames        int
}

// formats are what is accepted, by what the content is; a name or a header decides nothing.
var formats = map[string]func([]byte) (image.Config, error){
	"image/jpeg": func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) },
	"image/png":  func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) },
	"image/gif":  func(b []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(b)) },
	"image/webp": func(b []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(b)) },
}

// Inspect reads what a file claims to be and refuses what would cost too much to decode. Errors:
// Unsupported for what is not a JPEG, PNG, WebP or GIF picture, TooLarge for too many pixels or frames.
func Inspect(body []byte) (Info, error) {
	p := Info{Mime: http.DetectContentType(body), Frames: 1}
	config, ok := formats[p.Mime]
	if !ok {
		return Info{}, unsupported(nil)
	}
	c, err := config(body)
	if err != nil {
		return Info{}, unsupported(err)
	}
	p.Width, p.Height = c.Width, c.Height
	if p.Mime == "image/gif" {
		if p.Frames, err = gifFrames(body); err != nil {
			return Info{}, unsupported(err)
		}
	}
	switch {
	case p.Width < 1 || p.Height < 1:
		return Info{}, unsupported(nil)
	case p.Frames > MaxFrames:
		return Info{}, apperr.New(apperr.TooLarge, fmt.Sprintf("The animation has more than %d frames: shorten it", MaxFrames))
	case int64(p.Width)*int64(p.Height) > MaxPixels, int64(p.Width)*int64(p.Height)*int64(p.Frames) > 2*MaxPixels:
		return Info{}, apperr.New(apperr.TooLarge, fmt.Sprintf("The picture has more than %d megapixels: make it smaller", MaxPixels/1_000_000))
	}
	return p, nil
}

// gifFrames counts the frames of a GIF by walking its blocks, without decoding one (GIF89a §B). It
// stops counting behind MaxFrames.
func gifFrames(b []byte) (int, error) {
	broken := fmt.Errorf("broken GIF")
	if len(b) < 13 {
		return 0, broken
	}
	at := 13
	if b[10]&0x80 != 0 {
		at += 3 << (b[10]&7 + 1)
	}
	skip := func() bool { // a chain of sub-blocks, ended by an empty one
		for at < len(b) {
			n := int(b[at])
			at += 1 + n
			if n == 0 {
				return true
			}
		}
		return false
	}
	screen := int(binary.LittleEndian.Uint16(b[6:])) * int(binary.LittleEndian.Uint16(b[8:]))
	for frames := 0; at < len(b); {
		switch b[at] {
		case 0x3B: // the end; what follows is not looked at
			if frames == 0 {
				return 0, broken
			}
			return frames, nil
		case 0x21: // an extension
			at += 2
			if !skip() {
				return 0, broken
			}
		case 0x2C: // a frame
			if at+10 > len(b) {
				return 0, broken
			}
			w, h := int(binary.LittleEndian.Uint16(b[at+5:])), int(binary.LittleEndian.Uint16(b[at+7:]))
			if w*h > screen {
				return 0, broken
			}
			flags := b[at+9]
			at += 10
			if flags&0x80 != 0 {
				at += 3 << (flags&7 + 1)
			}
			at++ // the code size
			if frames++; frames > MaxFrames {
				return frames, nil
			}
			if !skip() {
				return 0, broken
			}
		default:
			return 0, broken
		}
	}
	return 0, broken
}

func unsupported(cause error) error {
	return apperr.Wrap(apperr.Unsupported, "The file is not a picture that can be read: send a JPEG, PNG, WebP or GIF", cause)
}
