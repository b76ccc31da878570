package account

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/wneessen/go-mail"
)

// SMTP sends mail through a server.
type SMTP struct {
	Host     string
	Port     int
	User     string // "": the server asks for nothing
	Password string
	From     string
}

// Send implements Mailer.
func (s SMTP) Send(ctx context.Context, to, subject, body string) error {
	m := mail.NewMsg()
	if err := m.From(s.From); err != nil {
		return fmt.Errorf("sender %q: %w", s.From, err)
	}
	if err := m.To(to); err != nil {
		return fmt.Errorf("recipient: %w", err)
	}
	m.Subject(subject)
	m.SetBodyString(mail.TypeTextPlain, body)
	options := []mail.Option{mail.WithPort(s.Port), mail.WithTimeout(10 * time.Second), mail.WithTLSPolicy(mail.TLSOpportunistic)}
	if s.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(s.User), mail.WithPassword(s.Password), mail.WithTLSPolicy(mail.TLSMandatory))
	}
	c, err := mail.NewClient(s.Host, options...)
	if err != nil {
		return fmt.Errorf("mail server %s: %w", s.Host, err)
	}
	if err := c.DialAndSendWithContext(ctx, m); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	return nil
}

// Printer writes mails where a developer sees them, instead of sending them.
type Printer struct{ To io.Writer }

// Send implements Mailer.
func (p Printer) Send(_ context.Context, to, subject, body string) error {
	_, err := fmt.Fprintf(p.To, "\nMail to %s: %s\n\n%s\n", to, subject, body)
	return err
}
