package auth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// claims is the payload of a token with its values raw, read strictly: what two parsers could
// read differently (a claim twice, broken UTF-8) is refused.
type claims struct {
	raw map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler.
func (c *claims) UnmarshalJSON(b []byte) error {
	var err error
	c.raw, err = strictObject(b)
	return err
}

// identity reads who the token speaks of.
func (c claims) identity(o VerifierOptions) (Identity, error) {
	for _, name := range []string{"token_use", "typ", "token_type"} {
		if raw, ok := c.raw[name]; ok {
			switch use, _ := text(raw); strings.ToLower(use) {
			case "access", "access_token", "bearer", "jwt", "at+jwt":
			default:
				return Identity{}, fmt.Errorf("%s says %.20q: not an access token", name, use)
			}
		}
	}
	idNames, typeNames := []string{"userId", "id", "sub"}, []string{"userType", "role"}
	if o.ClaimID != "" {
		idNames = []string{o.ClaimID}
	}
	if o.ClaimType != "" {
		typeNames = []string{o.ClaimType}
	}
	id, err := userID(c.first(idNames))
	if err != nil {
		return Identity{}, err
	}
	userType, err := userType(c.first(typeNames), o)
	if err != nil {
		return Identity{}, err
	}
	exp, err := c.date("exp")
	if err != nil || exp == nil {
		return Identity{}, errors.New("exp is missing")
	}
	out := Identity{User: models.UserRef{Type: userType, ID: id}, Expires: exp.Add(Leeway)}
	if iat, err := c.date("iat"); err == nil && iat != nil {
		out.Issued = iat.Time
	}
	if name, ok := text(c.raw["name"]); ok {
		out.Name = shorten(wire.CleanName(name), wire.MaxNameLength)
	}
	if picture, ok := text(c.raw["picture"]); ok && wire.ValidURL(picture, o.AllowHTTPPictures) {
		out.Picture = picture
	}
	return out, nil
}

func (c claims) first(names []string) json.RawMessage {
	for _, n := range names {
		if raw, ok := c.raw[n]; ok && string(raw) != "null" {
			return raw
		}
	}
	return nil
}

func userID(raw json.RawMessage) (string, error) {
	if raw == nil {
		return "", errors.New("no claim with the user's id")
	}
	var id wire.ID
	if err := id.UnmarshalJSON(raw); err != nil {
		return "", fmt.Errorf("user id: %w", err)
	}
	if !wire.ValidUserID(string(id)) {
		return "", errors.New("user id: expected a whole number above 0 or an opaque text")
	}
	return string(id), nil
}

func userType(raw json.RawMessage, o VerifierOptions) (models.UserType, error) {
	if raw == nil && o.DefaultType != "" {
		return o.DefaultType, nil
	}
	word, ok := text(raw)
	if !ok {
		return "", errors.New("no claim with the user's type, or not one text")
	}
	word = strings.ToLower(word)
	if mapped, ok := o.TypeMap[word]; ok {
		word = mapped
	}
	switch t := models.UserType(word); t {
	case models.TypeCustomer, models.TypeVendor, models.TypeAdmin:
		return t, nil
	case o.DefaultType:
		return t, nil
	}
	return "", fmt.Errorf("user type %.20q is none of customer, vendor, admin", word)
}

// lastYear bounds dates so that adding to one never overflows.
var lastYear = float64(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).Unix())

// date reads a NumericDate; nil when there is none.
func (c claims) date(name string) (*jwt.NumericDate, error) {
	raw, ok := c.raw[name]
	if !ok {
		return nil, nil
	}
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil || string(raw) == "null" || seconds <= 0 || seconds > lastYear {
		return nil, fmt.Errorf("%s is not a date in seconds", name)
	}
	whole, part := math.Modf(seconds)
	return &jwt.NumericDate{Time: time.Unix(int64(whole), int64(part*1e9))}, nil
}

// GetExpirationTime and its five sisters implement jwt.Claims.
func (c claims) GetExpirationTime() (*jwt.NumericDate, error) { return c.date("exp") }
func (c claims) GetNotBefore() (*jwt.NumericDate, error)      { return c.date("nbf") }
func (c claims) GetIssuedAt() (*jwt.NumericDate, error)       { return c.date("iat") }
func (c claims) GetIssuer() (string, error)                   { s, _ := text(c.raw["iss"]); return s, nil }
func (c claims) GetSubject() (string, error)                  { s, _ := text(c.raw["sub"]); return s, nil }
func (c claims) GetAudience() (jwt.ClaimStrings, error) {
	raw, ok := c.raw["aud"]
	if !ok {
		return nil, nil
	}
	if s, ok := text(raw); ok {
		return jwt.ClaimStrings{s}, nil
	}
	var many []string
	err := json.Unmarshal(raw, &many)
	return many, err
}

// text reads a JSON string; false for anything else.
func text(raw json.RawMessage) (string, bool) {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}

func shorten(s string, runes int) string {
	if utf8.RuneCountInString(s) <= runes {
		return s
	}
	return string([]rune(s)[:runes])
}

// strictObject reads one JSON object with each key once, also when upper and lower case are
// not told apart, and nothing after it.
func strictObject(b []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("not a JSON object")
	}
	out, seen := map[string]json.RawMessage{}, map[string]bool{}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return nil, errors.New("not a JSON object")
		}
		key, _ := t.(string)
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return nil, errors.New("not a JSON object")
		}
		if folded := strings.ToLower(key); seen[folded] {
			return nil, fmt.Errorf("%.20q is there twice", key)
		} else {
			seen[folded] = true
		}
		out[key] = raw
	}
	if _, err := dec.Token(); err != nil {
		return nil, errors.New("not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON object")
	}
	return out, nil
}
