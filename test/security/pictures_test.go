package security

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"image/jpeg"
	"net/http"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/upload"
	"chaffer/internal/upload/picture/picturetest"
)

// kept uploads a picture; it returns its id and the paths of it and of its small version.
func (s *site) kept(u models.UserRef, file []byte) (id, path, small string) {
	s.Helper()
	a := s.upload(u, file)
	if a.status != 201 {
		s.Fatalf("a picture is refused: %d %s", a.status, a.body)
	}
	path, _ = a.field("data.imageUrl").(string)
	small, _ = a.field("data.thumbnailUrl").(string)
	id, _ = a.field("data.id").(string)
	return id, path[strings.Index(path, "/media/"):], small[strings.Index(small, "/media/"):]
}

// pictureRows are about pictures: what they carry, what they cost, and who sees them for how long.
var pictureRows = []attack{
	{number: "T54", name: "an address that has ended, or of another picture", rest: true, writes: true, run: func(s *site) string {
		id, path, _ := s.kept(john, picture())
		other, _, _ := s.kept(jane, picture())
		_, query, _ := strings.Cut(path, "?")
		// Whoever signs addresses, three hours ago: with the same key as the node, which it makes of its secret.
		key, err := hkdf.Key(sha256.New, []byte(secret), nil, "addresses of pictures", 32)
		if err != nil {
			s.Fatal(err)
		}
		signed := func(ago time.Duration, id string) string {
			return upload.NewLinks(key, "", func() time.Time { return time.Now().Add(-ago) }).Picture(id)
		}
		for name, c := range map[string]struct {
			path string
			want int
		}{
			"as it is": {path, 200}, "signed now": {signed(0, id), 200}, "signed nearly two hours ago": {signed(115*time.Minute, id), 200},
			"signed three hours ago": {signed(3*time.Hour, id), 403}, "another picture": {"/media/" + other + "?" + query, 403},
			"another variant": {path + "&v=t", 403}, "another signature": {path + "x", 403}, "not an id": {"/media/x?" + query, 404},
			"signed, but not there": {signed(0, "00000000-0000-7000-8000-000000000000"), 404},
		} {
			if a := s.rest(nobody, "GET", c.path, ""); a.status != c.want || a.status != 200 && bytes.Contains(a.body, []byte("PNG")) {
				s.Errorf("%s: expected %d, got %d", name, c.want, a.status)
			}
		}
		return "403 after two and a quarter hours, for another picture, variant or signature; 404 for what is not there"
	}},
	{number: "T80", name: "polyglots come back without their second half", rest: true, writes: true, run: func(s *site) string {
		const trailer = "<?php system($_GET['x']); ?><html><script>alert(1)</script></html>"
		for kind, file := range map[string][]byte{"image/png": picture(), "image/jpeg": picturetest.JPEG(picturetest.Drawing(40, 30)), "image/gif": picturetest.GIF(3, 8, 8)} {
			_, path, small := s.kept(john, append(file, trailer...))
			for path, kind := range map[string]string{path: kind, small: "image/jpeg"} {
				a := s.rest(nobody, "GET", path, "")
				if a.status != 200 || contains(string(a.body), "php", "script") || http.DetectContentType(a.body) != kind {
					s.Errorf("%s: %d, %s of %d bytes", kind, a.status, http.DetectContentType(a.body), len(a.body))
				}
				if h := a.header; h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
					s.Errorf("%s: %v", kind, h)
				}
			}
		}
		if a := s.upload(john, []byte("GIF89a=1/*aaaaaaaaaa*/;alert(1)")); a.status != 415 {
			s.Errorf("a script that begins like a GIF: %d", a.status)
		}
		return "PNG, JPEG and GIF with a script behind them: only the picture comes back, with its fixed type, nosniff and sandbox; a script that begins like a GIF: 415"
	}},
	{number: "T81", name: "frames and pixels without end, truncated files", rest: true, run: func(s *site) string {
		whole := picturetest.GIF(2, 8, 8)
		for name, c := range map[string]struct {
			file []byte
			want int
		}{
			"5,000 frames": {promised(5000, 1, 1), 413}, "60 frames of a megapixel": {promised(60, 1000, 1000), 413},
			"60,000 × 60,000": {picturetest.Flood(60_000, 60_000), 413}, "5,001 × 5,000": {picturetest.Flood(5001, 5000), 413},
			"half a PNG": {picture()[:len(picture())/2], 415}, "half a GIF": {whole[:len(whole)/2], 415}, "half a JPEG": {picturetest.JPEG(picturetest.Drawing(40, 30))[:200], 415},
			"a WebP without an end": {[]byte("RIFF\x24\x00\x00\x00WEBPVP8 \x18\x00\x00\x00"), 415},
		} {
			if a := s.upload(john, c.file); a.status != c.want {
				s.Errorf("%s: expected %d, got %d %s", name, c.want, a.status, a.body)
			}
		}
		return "413 for too many frames or pixels, 415 for what ends too early; nothing is kept"
	}},
	{number: "T81", name: "many pictures at once", rest: true, writes: true, run: func(s *site) string {
		for range 4 { // that never end
			_, _ = fmt.Fprintf(s.plain(), "POST /api/v1/uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 100000\r\n\r\n--b\r\n", token(customer("81"), time.Hour))
		}
		a := s.until("refused upload", func() string {
			if a := s.upload(customer("81"), picture()); a.status != 201 {
				return fmt.Sprint(a.status, " ", string(a.body))
			}
			return ""
		})
		if !strings.HasPrefix(a, "429") || !strings.Contains(a, "retryAfterMs") {
			s.Errorf("a fifth at once: %s", a)
		}
		s.kept(jane, picture())
		return "one person's fifth at once: 429 with retryAfterMs; others' are taken"
	}},
	{number: "T83", name: "the place where a photo was taken", rest: true, writes: true, run: func(s *site) string {
		photo := picturetest.WithEXIF(picturetest.JPEG(picturetest.Drawing(40, 30)), 1)
		if !bytes.Contains(photo, []byte("GPS")) {
			s.Error("the photo has no place")
		}
		_, path, small := s.kept(john, photo)
		for _, p := range []string{path, small} {
			a := s.rest(nobody, "GET", p, "")
			if _, err := jpeg.Decode(bytes.NewReader(a.body)); err != nil || contains(string(a.body), "Exif", "GPS", "48.8584") {
				s.Errorf("%.60s: %v, or it still has it", p, err)
			}
		}
		return "neither the picture nor its small version has any EXIF"
	}},
	{number: "T84", name: "one picture more than a day's", rest: true, writes: true, settings: map[string]string{"LIMIT_UPLOADS_PER_DAY": "3"}, run: func(s *site) string {
		for range 3 {
			s.kept(john, picture())
		}
		for range 2 {
			a := s.upload(john, picture())
			if wait, _ := a.field("retryAfterMs").(float64); a.status != 429 || wait < float64(23*time.Hour/time.Millisecond) {
				s.Errorf("the fourth: %d %s", a.status, a.body)
			}
		}
		s.kept(jane, picture())
		s.open("t84", "messages still work")
		return "429 with retryAfterMs of nearly a day; others' are taken, messages still work"
	}},
}

// promised is a GIF whose frames are large and have no content.
func promised(frames int, width, height uint16) []byte {
	size := func(b []byte) []byte {
		return binary.LittleEndian.AppendUint16(binary.LittleEndian.AppendUint16(b, width), height)
	}
	b := append(size([]byte("GIF89a")), 0x80, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0xFF)
	for range frames {
		b = append(size(append(b, 0x2C, 0, 0, 0, 0)), 0, 2, 1, 0, 0)
	}
	return append(b, 0x3B)
}
