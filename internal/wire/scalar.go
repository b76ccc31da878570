package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
)

// timeLayout is RFC 3339 in UTC with milliseconds: 2025-02-27T10:43:41.905Z.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// Time is an instant on the wire; it is for display, order is seq.
type Time struct{ time.Time }

// At wraps an instant.
func At(t time.Time) Time { return Time{t} }

// AtPtr wraps an instant that may be missing.
func AtPtr(t *time.Time) *Time {
	if t == nil {
		return nil
	}
	return &Time{*t}
}

// MarshalJSON writes UTC with milliseconds.
func (t Time) MarshalJSON() ([]byte, error) {
	return t.AppendJSON(make([]byte, 0, len(timeLayout)+2)), nil
}

// AppendJSON appends what MarshalJSON returns.
func (t Time) AppendJSON(b []byte) []byte {
	b = append(b, '"')
	u := t.UTC()
	year, month, day := u.Date()
	if year < 0 || year > 9999 {
		b = u.AppendFormat(b, timeLayout)
		return append(b, '"')
	}
	// By hand a fifth of AppendFormat's time; every message has two.
	hour, minute, second := u.Clock()
	b = appendTwo(appendTwo(b, year/100), year%100)
	b = appendTwo(append(b, '-'), int(month))
	b = appendTwo(append(b, '-'), day)
	b = appendTwo(append(b, 'T'), hour)
	b = appendTwo(append(b, ':'), minute)
	b = appendTwo(append(b, ':'), second)
	milli := u.Nanosecond() / int(time.Millisecond)
	b = appendTwo(append(b, '.', byte('0'+milli/100)), milli%100)
	return append(b, 'Z', '"')
}

// appendTwo appends two digits.
func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }

// Price is an exact decimal: it comes in as a number or a string and goes out as a string.
type Price string

var decimal = regexp.MustCompile(`^\d{1,15}(\.\d{1,6})?$`)

var errPrice = errors.New(`a price is a decimal such as 299 or "299.99", with at most 15 digits before the point and 6 after it`)

// UnmarshalJSON accepts 299, 299.99 and "299.99"; null and "" leave it empty.
func (p *Price) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) == 0 || bytes.Equal(b, []byte("null")) {
		*p = ""
		return nil
	}
	s := string(b)
	if b[0] == '"' {
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		s = strings.TrimSpace(s)
	}
	if s != "" && !decimal.MatchString(s) {
		return errPrice
	}
	*p = Price(s)
	return nil
}
