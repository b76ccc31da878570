package account

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

const password = "a good password"

// office is the feature on a real database, with a mailbox and a clock.
type office struct {
	*Service
	t     *testing.T
	mails []string // "address: body"
	away  bool     // the mail server is
	later time.Duration
	ended []Ended
	over  time.Time // an admin has ended what began until then
}

// Send implements Mailer.
func (o *office) Send(_ context.Context, to, _, body string) error {
	if o.away {
		return errors.New("connection refused")
	}
	o.mails = append(o.mails, to+": "+body)
	return nil
}

func newOffice(t *testing.T, url string) *office {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	const secret = "a-secret-of-the-account-tests-32-bytes-long"
	v, err := auth.NewVerifier(t.Context(), auth.VerifierOptions{Secret: secret, DefaultType: models.TypeMember})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t}
	o.Service = NewService(d, v, o, Settings{
		Secret: secret, PublicURL: "https://chat.example", Over: func(id auth.Identity) bool { return !id.Issued.After(o.over) },
	}, func(e Ended) { o.ended = append(o.ended, e) }, slog.New(slog.DiscardHandler))
	o.now = func() time.Time { return db.Now().Add(o.later) }
	return o
}

// token is that of the latest mailed link.
func (o *office) token() string {
	o.t.Helper()
	_, token, ok := strings.Cut(o.mails[len(o.mails)-1], "https://chat.example/Verify?token=")
	if !ok {
		o.t.Fatalf("no link: %v", o.mails)
	}
	return strings.TrimSpace(token)
}

func (o *office) signUp(email string) {
	o.t.Helper()
	if err := o.SignUp(o.t.Context(), "address", "Ann", email, password); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) logIn(email string) Pair {
	o.t.Helper()
	p, err := o.LogIn(o.t.Context(), "address", email, password)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *office) is(what string, err error, code apperr.Code) {
	o.t.Helper()
	if !apperr.Is(err, code) {
		o.t.Errorf("%s: %v", what, err)
	}
}

func TestAnAddressIsProvedOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		o := newOffice(t, url)
		ctx := t.Context()
		o.signUp("Ann@Example.com")
		_, err := o.LogIn(ctx, "address", "ann@example.com", password)
		o.is("before the address is proved", err, apperr.Forbidden)
		_, err = o.ByEmail(ctx, "ann@example.com")
		o.is("found before it is proved", err, apperr.NotFound)
		first := o.token()
		o.away = true // as it answers for an address without an account
		if err := o.Resend(ctx, "address", "ann@example.com"); err != nil {
			t.Errorf("the mail server is away, and an answer tells: %v", err)
		}
		o.Close()
		o.away = false
		err = o.Resend(ctx, "address", " ANN@example.com ")
		if o.Close(); err != nil || o.token() == first {
			t.Errorf("no new link: %v", err)
		}
		mails := len(o.mails)
		if err := o.Resend(ctx, "address", "nobody@example.com"); err != nil || len(o.mails) != mails {
			t.Errorf("an address without an account: %v, %v", err, o.mails[mails:])
		}
		o.is("no link", o.Verify(ctx, "no"), apperr.Invalid)
		o.later = 25 * time.Hour
		o.is("a link of yesterday", o.Verify(ctx, first), apperr.Invalid)
		o.later = 0
		if err := o.Verify(ctx, first); err != nil {
			t.Fatal(err)
		}
		o.is("a link for the second time", o.Verify(ctx, first), apperr.Invalid)
		o.is("the other link", o.Verify(ctx, o.token()), apperr.Invalid)
		p := o.logIn("ANN@EXAMPLE.COM")
		if u, err := o.ByEmail(ctx, "ann@example.com"); err != nil || u != p.User || p.Name != "Ann" {
			t.Errorf("%v, %+v, %v", u, p, err)
		}
		_, err = o.LogIn(ctx, "address", "ann@example.com", password+"x")
		o.is("a wrong password", err, apperr.Unauthorized)
		_, unknown := o.LogIn(ctx, "address", "nobody@example.com", password)
		if fmt.Sprint(err) != fmt.Sprint(unknown) {
			t.Errorf("%v tells that an address has an account, %v that it has none", err, unknown)
		}
		o.signUp("ANN@example.com") // answered as the first
		if last := o.mails[len(o.mails)-1]; !strings.Contains(last, "already have an account") || strings.Contains(last, "Verify?token") {
			t.Errorf("mailed: %s", last)
		}
		o.away = true
		o.is("the mail server is away", o.SignUp(ctx, "address", "Bob", "bob@example.com", password), apperr.Unavailable)
	})
}

func TestARefreshTokenWorksOnce(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		o := newOffice(t, url)
		ctx := t.Context()
		o.signUp("ann@example.com")
		if err := o.Verify(ctx, o.token()); err != nil {
			t.Fatal(err)
		}
		first, other := o.logIn("ann@example.com"), o.logIn("ann@example.com")
		second, err := o.Refresh(ctx, first.Refresh)
		if err != nil || second.User != first.User || second.Refresh == first.Refresh {
			t.Fatalf("%+v, %v", second, err)
		}
		if id, err := o.Check(ctx, second.Access, second.Refresh); err != nil || id.User != first.User || id.Name != "Ann" || id.LogIn == "" {
			t.Errorf("a good pair: %+v, %v", id, err)
		}
		for what, pair := range map[string][2]string{
			"a used refresh token": {second.Access, first.Refresh}, "no refresh token": {second.Access, ""}, "no access token": {"", second.Refresh},
			"the two exchanged": {second.Refresh, second.Access},
		} {
			_, err := o.Check(ctx, pair[0], pair[1])
			o.is(what, err, apperr.Unauthorized)
		}
		_, err = o.Refresh(ctx, first.Refresh)
		o.is("used twice", err, apperr.Unauthorized)
		_, err = o.Refresh(ctx, second.Refresh)
		o.is("of a log-in whose token was used twice", err, apperr.Unauthorized)
		if len(o.ended) != 1 || o.ended[0].User != first.User || o.ended[0].LogIn == "" {
			t.Errorf("sockets of %v are cut", o.ended)
		}
		if other, err = o.Refresh(ctx, other.Refresh); err != nil {
			t.Fatalf("another log-in: %v", err)
		}
		o.later = RefreshTTL + time.Minute
		_, err = o.Refresh(ctx, other.Refresh)
		o.is("a month later", err, apperr.Unauthorized)
		o.later = 0
		if err := errors.Join(o.LogOut(ctx, other.Refresh), o.LogOut(ctx, other.Refresh), o.LogOut(ctx, "unknown")); err != nil {
			t.Error(err)
		}
		_, err = o.Check(ctx, other.Access, other.Refresh)
		o.is("logged out", err, apperr.Unauthorized)

		ended := o.logIn("ann@example.com")
		o.over = db.Now() // an admin ends everything that began so far
		_, err = o.Check(ctx, ended.Access, ended.Refresh)
		o.is("a pair of an ended session", err, apperr.Unauthorized)
		_, err = o.Refresh(ctx, ended.Refresh)
		o.is("the refresh token of an ended session", err, apperr.Unauthorized)
		o.later = time.Second
		fresh := o.logIn("ann@example.com")
		if _, err := o.Refresh(ctx, fresh.Refresh); err != nil {
			t.Errorf("a log-in after that: %v", err)
		}
	})
}

// What belongs to an account goes with its row.
func TestAnAccountLeavesNothing(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		o := newOffice(t, url)
		ctx := t.Context()
		o.signUp("ann@example.com")
		if err := o.Verify(ctx, o.token()); err != nil {
			t.Fatal(err)
		}
		p := o.logIn("ann@example.com")
		o.signUp("bob@example.com")
		d := o.store.db
		if err := d.Where("id = ?", p.User.ID).Delete(&models.Account{}).Error; err != nil {
			t.Fatal(err)
		}
		var tokens, links int64
		d.Model(&models.AccountToken{}).Count(&tokens)
		d.Model(&models.AccountLink{}).Count(&links)
		if tokens != 0 || links != 1 { // Bob's
			t.Errorf("%d tokens and %d links are left", tokens, links)
		}
		_, err := o.Check(ctx, p.Access, p.Refresh)
		o.is("its pair", err, apperr.Unauthorized)
		_, err = o.LogIn(ctx, "address", "ann@example.com", password)
		o.is("its password", err, apperr.Unauthorized)
	})
}

func TestTriesAreCounted(t *testing.T) {
	o := newOffice(t, dbtest.SQLite(t))
	late := 0
	for range perEmail + 5 {
		if err := o.Resend(t.Context(), "address", "ann@example.com"); apperr.Is(err, apperr.TooMany) {
			late++
		}
	}
	if late < 4 { // one may have come back meanwhile
		t.Errorf("%d of %d tries for one address are refused", late, perEmail+5)
	}
	for _, email := range []string{"", "ann", "ann@", "Ann <ann@example.com>", "a@b\r\nBcc: c@d", strings.Repeat("a", 250) + "@example.com"} {
		o.is(email, o.SignUp(t.Context(), "other", "Ann", email, password), apperr.Invalid)
	}
	for _, weak := range []string{"", "1234567", strings.Repeat("a", maxPassword+1)} {
		o.is("a password of "+fmt.Sprint(len(weak)), o.SignUp(t.Context(), "other", "Ann", "x@example.com", weak), apperr.Invalid)
	}
	o.is("no name", o.SignUp(t.Context(), "other", " ", "x@example.com", password), apperr.Invalid)
}
