package wire

import (
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Cursor is the key of the last row of a page in a list ordered by (time, id): the next page
// starts after it. It holds nothing that the page did not show, so it needs no signature.
type Cursor struct {
	At time.Time // whole milliseconds
	ID string    // a UUID
}

var errCursor = errors.New("not a cursor of this list")

// String is how a Cursor travels; the zero Cursor is "".
func (c Cursor) String() string {
	if c.ID == "" {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(c.At.UnixMilli(), 10) + "." + c.ID))
}

// ParseCursor reads what String wrote; "" is the zero Cursor, the beginning of the list.
func ParseCursor(s string) (Cursor, error) {
	if s == "" {
		return Cursor{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) > 64 {
		return Cursor{}, errCursor
	}
	at, id, _ := strings.Cut(string(b), ".")
	ms, err := strconv.ParseInt(at, 10, 64)
	if err != nil || ms < 0 || ms > 253402300799999 { // the end of the year 9999
		return Cursor{}, errCursor
	}
	u, err := uuid.Parse(id)
	if err != nil || u.String() != id {
		return Cursor{}, errCursor
	}
	return Cursor{time.UnixMilli(ms).UTC(), id}, nil
}
