package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/draw"
	"golang.org/x/image/webp"
)

const jpegQuality = 87

// ThumbnailMime is what thumbnails are.
const ThumbnailMime = "image/jpeg"

// Clean is a picture as it is kept: pixels only, no metadata, nothing behind the end.
type Clean struct {
	Mime          string
	Width, Height int // pixels, upright
	Body          []byte
	Thumbnail     []byte // of ThumbnailMime, at most ThumbnailSide on its longer side, on white
}

// Rewrite decodes a picture that Inspect has let through and encodes it again. A WebP becomes a PNG
// when it has transparent parts, else a JPEG: the standard library writes no WebP. Errors: Unsupported
// when the file is broken further in.
func Rewrite(body []byte, p Info) (Clean, error) {
	if p.Mime == "image/gif" {
		return rewriteGIF(body)
	}
	var (
		img image.Image
		err error
	)
	switch p.Mime {
	case "image/jpeg":
		if img, err = jpeg.Decode(bytes.NewReader(body)); err == nil {
			img = upright(img, orientation(body))
		}
	case "image/png":
		img, err = png.Decode(bytes.NewReader(body))
	default:
		img, err = webp.Decode(bytes.NewReader(body))
	}
	if err != nil {
		return Clean{}, unsupported(err)
	}
	out := Clean{Mime: p.Mime, Width: img.Bounds().Dx(), Height: img.Bounds().Dy()}
	if p.Mime == "image/webp" {
		out.Mime = "image/png"
		if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
			out.Mime = "image/jpeg"
		}
	}
	var b bytes.Buffer
	if out.Mime == "image/jpeg" {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: jpegQuality})
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
	}
	if err != nil {
		return Clean{}, unsupported(err)
	}
	out.Body = b.Bytes()
	out.Thumbnail, err = thumbnail(img)
	return out, err
}

// rewriteGIF keeps the animation, and of the file only what plays it.
func rewriteGIF(body []byte) (Clean, error) {
	g, err := gif.DecodeAll(bytes.NewReader(body))
	if err != nil || len(g.Image) == 0 {
		return Clean{}, unsupported(err)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		return Clean{}, unsupported(err)
	}
	out := Clean{Mime: "image/gif", Width: g.Config.Width, Height: g.Config.Height, Body: b.Bytes()}
	out.Thumbnail, err = thumbnail(g.Image[0])
	return out, err
}

func thumbnail(img image.Image) ([]byte, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if longer := max(w, h); longer > ThumbnailSide {
		w, h = max(1, w*ThumbnailSide/longer), max(1, h*ThumbnailSide/longer)
	}
	small := image.NewRGBA(image.Rect(0, 0, w, h))
	draw.Draw(small, small.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.ApproxBiLinear.Scale(small, small.Bounds(), img, img.Bounds(), draw.Over, nil)
	var b bytes.Buffer
	if err := jpeg.Encode(&b, small, &jpeg.Options{Quality: 80}); err != nil {
		return nil, unsupported(err)
	}
	return b.Bytes(), nil
}
