package account

import (
	"strings"
	"testing"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// What is in the database lets nobody in: passwords by argon2id, tokens and links as hashes.
func TestSecretsAreKeptAsHashes(t *testing.T) {
	o := newOffice(t, dbtest.SQLite(t))
	o.signUp("ann@example.com")
	o.signUp("bob@example.com")
	link := o.token()
	if err := o.Verify(t.Context(), link); err != nil {
		t.Fatal(err)
	}
	o.signUp("cleo@example.com") // whose link stays
	waiting := o.token()
	p := o.logIn("bob@example.com")
	var accounts []models.Account
	var tokens []models.AccountToken
	var links []models.AccountLink
	for _, rows := range []any{&accounts, &tokens, &links} {
		if err := o.store.db.Find(rows).Error; err != nil {
			t.Fatal(err)
		}
	}
	if len(accounts) != 3 || len(tokens) != 1 || len(links) < 1 {
		t.Fatalf("%d accounts, %d tokens, %d links", len(accounts), len(tokens), len(links))
	}
	for i, a := range accounts {
		if !strings.HasPrefix(a.PasswordHash, "$argon2id$v=19$m=19456,t=2,p=1$") || strings.Contains(a.PasswordHash, password) {
			t.Errorf("kept of a password: %s", a.PasswordHash)
		}
		if i > 0 && a.PasswordHash == accounts[i-1].PasswordHash {
			t.Error("two people with one password have one hash")
		}
	}
	if tokens[0].TokenHash != hash(p.Refresh) || tokens[0].TokenHash == p.Refresh {
		t.Error("a refresh token is kept as it is")
	}
	for _, l := range links {
		if l.TokenHash == waiting || l.TokenHash == link {
			t.Error("a link is kept as it is")
		}
	}
}
