package upload

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

const (
	jpegQuality   = 87
	thumbnailMime = "image/jpeg"
)

// rewritten is a picture as it is kept: pixels only, no metadata, nothing behind the end.
type rewritten struct {
	mime          string
	width, height int // pixels, upright
	picture       []byte
	thumbnail     []byte // JPEG, at most thumbnailSide on its longer side, on white
}

// rewrite decodes a picture that inspect has let through and encodes it again. A WebP becomes a PNG
// when it has transparent parts, else a JPEG: the standard library writes no WebP.
func rewrite(body []byte, p picture) (rewritten, error) {
	if p.mime == "image/gif" {
		return rewriteGIF(body)
	}
	var (
		img image.Image
		err error
	)
	switch p.mime {
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
		return rewritten{}, unsupported(err)
	}
	out := rewritten{mime: p.mime, width: img.Bounds().Dx(), height: img.Bounds().Dy()}
	if p.mime == "image/webp" {
		out.mime = "image/png"
		if o, ok := img.(interface{ Opaque() bool }); ok && o.Opaque() {
			out.mime = "image/jpeg"
		}
	}
	var b bytes.Buffer
	if out.mime == "image/jpeg" {
		err = jpeg.Encode(&b, img, &jpeg.Options{Quality: jpegQuality})
	} else {
		err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&b, img)
	}
	if err != nil {
		return rewritten{}, unsupported(err)
	}
	out.picture = b.Bytes()
	out.thumbnail, err = thumbnail(img)
	return out, err
}

// rewriteGIF keeps the animation, and of the file only what plays it.
func rewriteGIF(body []byte) (rewritten, error) {
	g, err := gif.DecodeAll(bytes.NewReader(body))
	if err != nil || len(g.Image) == 0 {
		return rewritten{}, unsupported(err)
	}
	var b bytes.Buffer
	if err := gif.EncodeAll(&b, g); err != nil {
		return rewritten{}, unsupported(err)
	}
	out := rewritten{mime: "image/gif", width: g.Config.Width, height: g.Config.Height, picture: b.Bytes()}
	out.thumbnail, err = thumbnail(g.Image[0])
	return out, err
}

func thumbnail(img image.Image) ([]byte, error) {
	w, h := img.Bounds().Dx(), img.Bounds().Dy()
	if longer := max(w, h); longer > thumbnailSide {
		w, h = max(1, w*thumbnailSide/longer), max(1, h*thumbnailSide/longer)
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
