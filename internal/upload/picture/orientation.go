package picture

import (
	"encoding/binary"
	"image"

	"golang.org/x/image/draw"
)

// orientation reads the one thing of a photo's EXIF data that belongs to the picture: which way is
// up, 1–8 (Exif 2.3, tag 0x0112). 1 when it does not say.
func orientation(jpegFile []byte) int {
	for at := 2; at+4 <= len(jpegFile) && jpegFile[at] == 0xFF; {
		marker, size := jpegFile[at+1], int(binary.BigEndian.Uint16(jpegFile[at+2:]))
		if marker == 0xDA || size < 2 || at+2+size > len(jpegFile) {
			return 1
		}
		segment := jpegFile[at+4 : at+2+size]
		if marker == 0xE1 && len(segment) > 14 && string(segment[:6]) == "Exif\x00\x00" {
			return tiffOrientation(segment[6:])
		}
		at += 2 + size
	}
	return 1
}

func tiffOrientation(b []byte) int {
	var order binary.ByteOrder = binary.BigEndian
	if string(b[:2]) == "II" {
		order = binary.LittleEndian
	}
	dir := int64(order.Uint32(b[4:]))
	if dir+2 > int64(len(b)) {
		return 1
	}
	entries := b[dir+2:]
	for range order.Uint16(b[dir:]) {
		if len(entries) < 12 {
			return 1
		}
		if order.Uint16(entries) == 0x0112 {
			if v := int(order.Uint16(entries[8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
		entries = entries[12:]
	}
	return 1
}

// upright turns and mirrors a picture so that it needs no orientation any more.
func upright(img image.Image, orientation int) image.Image {
	if orientation < 2 {
		return img
	}
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	from := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(from, from.Bounds(), img, b.Min, draw.Src)
	tw, th := w, h
	if orientation >= 5 {
		tw, th = h, w
	}
	to := image.NewRGBA(image.Rect(0, 0, tw, th))
	for y := range th {
		for x := range tw {
			sx, sy := source(orientation, x, y, w, h)
			copy(to.Pix[y*to.Stride+4*x:][:4], from.Pix[sy*from.Stride+4*sx:])
		}
	}
	return to
}

// source is the stored pixel that is shown at (x, y); w and h are of the stored picture.
func source(orientation, x, y, w, h int) (int, int) {
	switch orientation {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return y, h - 1 - x
	case 7:
		return w - 1 - y, h - 1 - x
	default: // 8
		return w - 1 - y, x
	}
}
