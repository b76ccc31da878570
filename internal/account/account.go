// Package account keeps accounts for the one contract that has its own: sign-up, a verified e-mail
// address, log-in with an access and a refresh token, rotation, log-out. No answer tells whether an
// address has an account.
package account

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/mail"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// How long things last.
const (
	AccessTTL  = 15 * time.Minute
	RefreshTTL = 30 * 24 * time.Hour
	linkTTL    = 24 * time.Hour
)

const (
	minPassword = 8
	maxPassword = 128
)

// Mail that is sent behind an answer.
const (
	maxMails    = 32 // at once
	mailTimeout = 15 * time.Second
)

// Mailer sends one plain-text mail.
type Mailer interface {
	Send(ctx context.Context, to, subject, body string) error
}

// Settings are what an operator decides.
type Settings struct {
	Secret    string // signs access tokens, with the claims the verifier looks for
	Issuer    string
	Audience  string
	ClaimID   string
	ClaimType string
	PublicURL string // where the mailed link leads, without a slash at its end
	// Over reports whether a session that began then has been ended by an admin: its refresh tokens
	// end with it. nil: that does not happen.
	Over func(auth.Identity) bool
}

// Pair is what a log-in gives.
type Pair struct {
	Access, Refresh string
	User            models.UserRef
	Name            string
	Expires         time.Time // of the refresh token
}

// Ended is a log-in that is over.
type Ended struct {
	User  models.UserRef `json:"user"`
	LogIn string         `json:"logIn"`
}

// Service is the rules. Its methods may be called from any goroutine.
type Service struct {
	store    *store
	verifier auth.Verifier
	mailer   Mailer
	settings Settings
	limits   *limits
	log      *slog.Logger
	now      func() time.Time
	ended    func(Ended)
	mails    chan struct{} // one for each mail on its way behind an answer
	sending  sync.WaitGroup
}

// NewService returns the accounts of a database. ended is called when a log-in has ended: sockets
// that stand on it should too.
func NewService(d *db.DB, v auth.Verifier, m Mailer, s Settings, ended func(Ended), log *slog.Logger) *Service {
	return &Service{store: &store{d}, verifier: v, mailer: m, settings: s, limits: newLimits(), log: log, now: db.Now, ended: ended, mails: make(chan struct{}, maxMails)}
}

// SignUp makes an account and mails the link that verifies it. An address that has one gets a mail
// that says so, and the caller hears the same. Errors: Invalid, TooMany, Unavailable.
func (s *Service) SignUp(ctx context.Context, address, name, email, password string) error {
	name = wire.CleanName(name)
	if name == "" || utf8.RuneCountInString(name) > wire.MaxNameLength {
		return apperr.New(apperr.Invalid, "name must have 1–120 characters")
	}
	key, err := emailKey(email)
	if err != nil {
		return err
	}
	if n := utf8.RuneCountInString(password); n < minPassword || n > maxPassword {
		return apperr.New(apperr.Invalid, fmt.Sprintf("password must have %d–%d characters", minPassword, maxPassword))
	}
	if err := s.limits.take(address, key); err != nil {
		return err
	}
	a := models.Account{
		ID: uuid.Must(uuid.NewV7()).String(), Email: strings.TrimSpace(email), EmailKey: key, Name: name,
		PasswordHash: hashPassword(password), CreatedAt: s.now(),
	}
	created, err := s.store.create(ctx, a)
	if err != nil {
		return err
	}
	if !created {
		return s.mail(ctx, a.Email, "You already have an account", "Somebody, perhaps you, tried to sign up with this address. You already have an account: log in, or ignore this mail.")
	}
	return s.sendLink(ctx, a)
}

// Resend mails a new link to an account that is not verified. The answer is always the same, and takes
// as long: the mail goes out behind it, and one that cannot be sent is logged. Errors: Invalid, TooMany,
// Unavailable for everybody.
func (s *Service) Resend(ctx context.Context, address, email string) error {
	key, err := emailKey(email)
	if err != nil {
		return err
	}
	if err := s.limits.take(address, key); err != nil {
		return err
	}
	a, err := s.store.byEmail(ctx, key)
	if apperr.Is(err, apperr.NotFound) || err == nil && a.VerifiedAt != nil {
		return nil
	}
	if err != nil {
		return err
	}
	select {
	case s.mails <- struct{}{}:
	default:
		s.log.Warn("a link was not mailed again: too many mails at once", "account", a.ID)
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), mailTimeout)
	s.sending.Go(func() {
		defer func() { cancel(); <-s.mails }()
		if err := s.sendLink(ctx, a); err != nil {
			s.log.Error("a link was not mailed again", "account", a.ID, "err", err)
		}
	})
	return nil
}

// Close waits for mail that is on its way.
func (s *Service) Close() { s.sending.Wait() }

// Verify takes the token of a mailed link. Invalid when it is not one, or is too old.
func (s *Service) Verify(ctx context.Context, token string) error {
	return s.store.verify(ctx, hash(token), s.now())
}

// LogIn gives a pair for an address and a password. Unauthorized when they are not an account's,
// Forbidden when it is not verified yet, TooMany, Unavailable.
func (s *Service) LogIn(ctx context.Context, address, email, password string) (Pair, error) {
	key, err := emailKey(email)
	if err != nil {
		return Pair{}, err
	}
	if err := s.limits.take(address, key); err != nil {
		return Pair{}, err
	}
	a, err := s.store.byEmail(ctx, key)
	known := err == nil
	if err != nil && !apperr.Is(err, apperr.NotFound) {
		return Pair{}, err
	}
	if !known {
		a.PasswordHash = nobody
	}
	if utf8.RuneCountInString(password) > maxPassword || !samePassword(a.PasswordHash, password) || !known {
		return Pair{}, apperr.New(apperr.Unauthorized, "The e-mail address or the password is wrong")
	}
	if a.VerifiedAt == nil {
		return Pair{}, apperr.New(apperr.Forbidden, "Verify your e-mail address first: follow the link in the mail, or ask for a new one")
	}
	return s.pair(ctx, a, uuid.NewString())
}

// Refresh exchanges a refresh token for a new pair. One that was exchanged before has been stolen or
// copied: every token of its log-in ends. Unauthorized, Unavailable.
func (s *Service) Refresh(ctx context.Context, refresh string) (Pair, error) {
	t, a, err := s.store.use(ctx, hash(refresh), s.now())
	if err != nil {
		if apperr.Is(err, apperr.Conflict) {
			s.ended(Ended{User(a), t.Family})
			err = apperr.New(apperr.Unauthorized, "This refresh token was used before: log in again")
		}
		return Pair{}, err
	}
	if s.over(t, a) {
		return Pair{}, errToken
	}
	return s.pair(ctx, a, t.Family)
}

// LogOut ends the log-in a refresh token belongs to. It never fails for a token that is unknown.
func (s *Service) LogOut(ctx context.Context, refresh string) error {
	t, a, err := s.store.revoke(ctx, hash(refresh), s.now())
	if apperr.Is(err, apperr.NotFound) {
		return nil
	}
	if err == nil {
		s.ended(Ended{User(a), t.Family})
	}
	return err
}

// Check says who presents a pair: both tokens valid, and of one account. Unauthorized otherwise.
func (s *Service) Check(ctx context.Context, access, refresh string) (auth.Identity, error) {
	id, err := s.verifier.Verify(ctx, access)
	if err != nil {
		return id, err
	}
	t, a, err := s.store.token(ctx, hash(refresh))
	if err != nil {
		return id, err
	}
	if t.UsedAt != nil || t.RevokedAt != nil || !t.ExpiresAt.After(s.now()) || User(a) != id.User || s.over(t, a) {
		return id, errToken
	}
	id.Name, id.Expires, id.LogIn = a.Name, t.ExpiresAt, t.Family
	return id, nil
}

// over reports whether the session a refresh token was given in has been ended.
func (s *Service) over(t models.AccountToken, a models.Account) bool {
	return s.settings.Over != nil && s.settings.Over(auth.Identity{User: User(a), Issued: t.CreatedAt})
}

var errToken = apperr.New(apperr.Unauthorized, "The refresh token is not valid: log in again")

// User is who an account is in chats.
func User(a models.Account) models.UserRef { return models.UserRef{Type: models.TypeMember, ID: a.ID} }

func (s *Service) pair(ctx context.Context, a models.Account, family string) (Pair, error) {
	access, err := auth.Mint(s.settings.Secret, auth.Claims{
		User: User(a), Name: a.Name, Issuer: s.settings.Issuer, Audience: s.settings.Audience,
		ClaimID: s.settings.ClaimID, ClaimType: s.settings.ClaimType,
	}, AccessTTL)
	if err != nil {
		return Pair{}, fmt.Errorf("sign an access token: %w", err)
	}
	refresh := secret()
	now := s.now()
	t := models.AccountToken{TokenHash: hash(refresh), Family: family, AccountID: a.ID, ExpiresAt: now.Add(RefreshTTL), CreatedAt: now}
	if err := s.store.add(ctx, t); err != nil {
		return Pair{}, err
	}
	return Pair{Access: access, Refresh: refresh, User: User(a), Name: a.Name, Expires: t.ExpiresAt}, nil
}

func (s *Service) sendLink(ctx context.Context, a models.Account) error {
	token := secret()
	if err := s.store.addLink(ctx, models.AccountLink{TokenHash: hash(token), AccountID: a.ID, ExpiresAt: s.now().Add(linkTTL)}); err != nil {
		return err
	}
	return s.mail(ctx, a.Email, "Verify your e-mail address",
		fmt.Sprintf("Hello %s,\n\nfollow this link to verify your e-mail address; it is good for a day:\n\n%s/Verify?token=%s\n", a.Name, s.settings.PublicURL, token))
}

// mail sends in the caller's time; a mail server that is away is 503, so that nobody waits for a
// mail that will not come.
func (s *Service) mail(ctx context.Context, to, subject, body string) error {
	if err := s.mailer.Send(ctx, to, subject, body); err != nil {
		return apperr.Wrap(apperr.Unavailable, "The mail could not be sent right now, please try again in a moment", err)
	}
	return nil
}

// emailKey is an address as people mean it: without a name around it, in one Unicode form, in small letters.
func emailKey(email string) (string, error) {
	email = norm.NFKC.String(strings.TrimSpace(email))
	a, err := mail.ParseAddress(email)
	if err != nil || a.Address != email || len(email) > 254 || !strings.Contains(a.Address, "@") {
		return "", apperr.New(apperr.Invalid, "email must be an address such as john@example.com")
	}
	return strings.ToLower(a.Address), nil
}

// secret is 256 random bits.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails: the process would have ended
	return hex.EncodeToString(b)
}

func hash(token string) string {
	h := sha256.Sum256([]byte(token))
	return hex.EncodeToString(h[:])
}

// ByEmail is the user of a verified account; NotFound when there is none.
func (s *Service) ByEmail(ctx context.Context, email string) (models.UserRef, error) {
	key, err := emailKey(email)
	if err != nil {
		return models.UserRef{}, err
	}
	a, err := s.store.byEmail(ctx, key)
	if err == nil && a.VerifiedAt == nil {
		err = unknown()
	}
	return User(a), err
}
