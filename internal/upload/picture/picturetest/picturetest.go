// Package picturetest makes pictures for tests, and files that only claim to be some.
package picturetest

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
)

// Two WebP files of one pixel: lossy, and lossless with a transparent pixel.
var (
	WebPLossy    = unbase64("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	WebPLossless = unbase64("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
)

func unbase64(s string) []byte {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// Drawing is a picture whose pixels all differ a little.
func Drawing(w, h int) *image.NRGBA {
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			img.Set(x, y, color.NRGBA{uint8(x), uint8(y), uint8(x * y), 255})
		}
	}
	return img
}

// PNG is the file of a picture.
func PNG(img image.Image) []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, img)
	return b.Bytes()
}

// JPEG is the file of a picture.
func JPEG(img image.Image) []byte {
	var b bytes.Buffer
	_ = jpeg.Encode(&b, img, nil)
	return b.Bytes()
}

// GIF is an animation of so many frames.
func GIF(frames, w, h int) []byte {
	g := &gif.GIF{}
	for range frames {
		g.Image = append(g.Image, image.NewPaletted(image.Rect(0, 0, w, h), color.Palette{color.Black, color.White}))
		g.Delay = append(g.Delay, 1)
	}
	var b bytes.Buffer
	_ = gif.EncodeAll(&b, g)
	return b.Bytes()
}

// WithEXIF puts an orientation and a "GPS" text into a JPEG.
func WithEXIF(jpegFile []byte, orientation byte) []byte {
	tiff := append([]byte("Exif\x00\x00MM\x00*\x00\x00\x00\x08\x00\x01\x01\x12\x00\x03\x00\x00\x00\x01\x00"), orientation, 0, 0, 0, 0, 0, 0)
	tiff = append(tiff, "GPS 48.8584 N 2.2945 E"...)
	segment := append([]byte{0xFF, 0xE1, 0, 0}, tiff...)
	binary.BigEndian.PutUint16(segment[2:], uint16(len(tiff)+2))
	return append(append(append([]byte{}, jpegFile[:2]...), segment...), jpegFile[2:]...)
}

// Flood is a PNG whose header promises more pixels than anybody wants to decode.
func Flood(w, h uint32) []byte {
	b := PNG(Drawing(1, 1))
	binary.BigEndian.PutUint32(b[16:], w)
	binary.BigEndian.PutUint32(b[20:], h)
	binary.BigEndian.PutUint32(b[29:], crc32.ChecksumIEEE(b[12:29]))
	return b
}
