package auth

import (
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/models"
)

// Nothing that is not signed with the secret is let in, and every refusal is a 401.
func FuzzVerify(f *testing.F) {
	const key = "a-secret-of-the-fuzzing-with-32-bytes-or-more"
	v, err := NewVerifier(f.Context(), VerifierOptions{Secret: key})
	if err != nil {
		f.Fatal(err)
	}
	good, err := Mint(key, Claims{User: models.UserRef{Type: models.TypeCustomer, ID: "2"}}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{good, "Bearer " + good, "", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", good + "."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, token string) {
		id, err := v.Verify(t.Context(), token)
		switch {
		case err == nil && id.User != (models.UserRef{Type: models.TypeCustomer, ID: "2"}):
			t.Errorf("%q is let in as %v", token, id.User)
		case err != nil && !apperr.Is(err, apperr.Unauthorized):
			t.Errorf("%q: %v", token, err)
		}
	})
}
