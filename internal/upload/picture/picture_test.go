package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"net/http"
	"testing"

	"chaffer/internal/upload/picture/picturetest"
)

func TestAPhotoIsTurnedUpright(t *testing.T) {
	img := image.NewNRGBA(image.Rect(0, 0, 64, 32)) // left half red, right half blue
	for y := range 32 {
		for x := range 64 {
			c := color.NRGBA{255, 0, 0, 255}
			if x >= 32 {
				c = color.NRGBA{0, 0, 255, 255}
			}
			img.Set(x, y, c)
		}
	}
	red := func(c color.Color) bool { r, _, b, _ := c.RGBA(); return r > b }
	for orientation, want := range map[byte]struct {
		w, h, x, y int // where red is
	}{1: {64, 32, 8, 16}, 2: {64, 32, 56, 16}, 3: {64, 32, 56, 16}, 4: {64, 32, 8, 16}, 5: {32, 64, 16, 8}, 6: {32, 64, 16, 8}, 7: {32, 64, 16, 56}, 8: {32, 64, 16, 56}} {
		body := picturetest.WithEXIF(picturetest.JPEG(img), orientation)
		p, err := Inspect(body)
		if err != nil {
			t.Fatal(err)
		}
		out, err := Rewrite(body, p)
		if err != nil {
			t.Fatal(err)
		}
		got, err := jpeg.Decode(bytes.NewReader(out.Body))
		if err != nil || out.Width != want.w || out.Height != want.h || !red(got.At(want.x, want.y)) || red(got.At(want.w-1-want.x, want.h-1-want.y)) {
			t.Errorf("orientation %d: %d×%d, %v", orientation, out.Width, out.Height, err)
		}
	}
}

// Whatever is sent as a picture is refused, or becomes one within bounds.
func FuzzInspect(f *testing.F) {
	f.Add(picturetest.PNG(picturetest.Drawing(3, 3)))
	f.Add(picturetest.WithEXIF(picturetest.JPEG(picturetest.Drawing(3, 3)), 6))
	f.Add(picturetest.GIF(2, 3, 3))
	f.Add(picturetest.WebPLossy)
	f.Add(picturetest.WebPLossless)
	f.Add(picturetest.Flood(1<<31, 1<<31))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := Inspect(body)
		if err != nil || p.Width*p.Height*p.Frames > 1<<16 { // decoding has bounds of its own; this keeps the fuzzing fast
			return
		}
		out, err := Rewrite(body, p)
		if err != nil {
			return
		}
		if out.Width < 1 || out.Height < 1 || out.Width*out.Height > MaxPixels || http.DetectContentType(out.Body) != out.Mime {
			t.Errorf("kept %d×%d as %s", out.Width, out.Height, out.Mime)
		}
	})
}
