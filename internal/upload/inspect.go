package upload

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

// picture is what the first bytes of a file say, before anything is decoded.
type picture struct {
	mime          string
	width, height int // pixels, as stored: a phone's photo may lie on its side
	frames        int
}

// formats are what is accepted, by what the content is; a name or a header decides nothing.
var formats = map[string]func([]byte) (image.Config, error){
	"image/jpeg": func(b []byte) (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(b)) },
	"image/png":  func(b []byte) (image.Config, error) { return png.DecodeConfig(bytes.NewReader(b)) },
	"image/gif":  func(b []byte) (image.Config, error) { return gif.DecodeConfig(bytes.NewReader(b)) },
	"image/webp": func(b []byte) (image.Config, error) { return webp.DecodeConfig(bytes.NewReader(b)) },
}

// inspect reads what a file claims to be and refuses what would cost too much to decode.
func inspect(body []byte) (picture, error) {
	p := picture{mime: http.DetectContentType(body), frames: 1}
	config, ok := formats[p.mime]
	if !ok {
		return picture{}, unsupported(nil)
	}
	c, err := config(body)
	if err != nil {
		return picture{}, unsupported(err)
	}
	p.width, p.height = c.Width, c.Height
	if p.mime == "image/gif" {
		if p.frames, err = gifFrames(body); err != nil {
			return picture{}, unsupported(err)
		}
	}
	switch {
	case p.width < 1 || p.height < 1:
		return picture{}, unsupported(nil)
	case p.frames > MaxFrames:
		return picture{}, apperr.New(apperr.TooLarge, fmt.Sprintf("The animation has more than %d frames: shorten it", MaxFrames))
	case int64(p.width)*int64(p.height) > MaxPixels, int64(p.width)*int64(p.height)*int64(p.frames) > 2*MaxPixels:
		return picture{}, apperr.New(apperr.TooLarge, fmt.Sprintf("The picture has more than %d megapixels: make it smaller", MaxPixels/1_000_000))
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
