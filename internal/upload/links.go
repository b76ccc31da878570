package upload

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

const (
	thumbnailSuffix = ".t"

	// An address lives for two to two and a quarter hours: it is the same for a quarter of an hour,
	// so that a browser can keep the picture.
	linkLife = 2 * time.Hour
	linkStep = 15 * time.Minute
)

// Links makes and checks the addresses of pictures. An address is a permission to see one picture
// until it expires; it is made for those who may read the message.
type Links struct {
	key  []byte
	base string
	now  func() time.Time
}

// NewLinks binds a key; base is put in front, "" makes addresses relative to the host.
func NewLinks(key []byte, base string, now func() time.Time) Links {
	return Links{key: key, base: strings.TrimSuffix(base, "/"), now: now}
}

// Picture is the address of a picture, Thumbnail that of its small version.
func (l Links) Picture(id string) string { return l.address(id, "") }

// Thumbnail is the address of the small version.
func (l Links) Thumbnail(id string) string { return l.address(id, "t") }

func (l Links) address(id, variant string) string {
	expires := strconv.FormatInt(l.now().Truncate(linkStep).Add(linkLife+linkStep).Unix(), 10)
	a := l.base + "/media/" + id + "?e=" + expires + "&s=" + l.sign(id, variant, expires)
	if variant != "" {
		a += "&v=" + variant
	}
	return a
}

// sign binds the picture, its variant and the expiry.
func (l Links) sign(id, variant, expires string) string {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte("media\x00" + id + "\x00" + variant + "\x00" + expires))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:18])
}

// valid reports how long an address may still be used; false when it is not one of ours or is over.
func (l Links) valid(id, variant, expires, signature string) (time.Duration, bool) {
	if subtle.ConstantTimeCompare([]byte(l.sign(id, variant, expires)), []byte(signature)) != 1 {
		return 0, false
	}
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil {
		return 0, false
	}
	left := time.Unix(at, 0).Sub(l.now())
	return left, left > 0
}
