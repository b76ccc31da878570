package dialect

import (
	"bytes"
	"encoding/json"

	"chaffer/internal/wire"
)

// Text is a string; an id that comes as a number reads as its digits.
type Text string

// UnmarshalJSON accepts "2" and 2.
func (t *Text) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] != '"' {
		var id wire.ID
		if err := id.UnmarshalJSON(b); err != nil {
			return err
		}
		*t = Text(id)
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}
