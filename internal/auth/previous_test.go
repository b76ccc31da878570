package auth

import (
	"testing"
	"time"

	"chaffer/internal/models"
)

// During a change of the secret both work; afterwards only the new one does.
func TestThePreviousSecret(t *testing.T) {
	const before, after = "the-secret-of-before-with-32-bytes-or-more", "the-secret-of-today-with-32-bytes-or-more!"
	user := models.UserRef{Type: models.TypeVendor, ID: "7"}
	for name, c := range map[string]struct {
		options VerifierOptions
		signer  string
		want    bool
	}{
		"old one, during":  {VerifierOptions{Secret: after, Previous: before}, before, true},
		"new one, during":  {VerifierOptions{Secret: after, Previous: before}, after, true},
		"another, during":  {VerifierOptions{Secret: after, Previous: before}, "a-secret-of-somebody-else-with-32-bytes-ok", false},
		"old one, after":   {VerifierOptions{Secret: after}, before, false},
		"new one, after":   {VerifierOptions{Secret: after}, after, true},
		"old one, no more": {VerifierOptions{Secret: after, Previous: after}, before, false},
	} {
		v, err := NewVerifier(t.Context(), c.options)
		if err != nil {
			t.Fatal(err)
		}
		token, err := Mint(c.signer, Claims{User: user}, time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		id, err := v.Verify(t.Context(), token)
		if (err == nil) != c.want || c.want && (id.User != user || time.Since(id.Issued) > time.Minute) {
			t.Errorf("%s: %v, %v", name, id, err)
		}
	}
}
