package chat

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"

	"chaffer/internal/models"
)

const (
	spreadVendors = 10        // so many vendors who hear the same first words
	spreadWithin  = time.Hour // in this time are for an admin to look at
	spreadWaiting = 256       // chats not looked at yet; what is beyond is seen when the next one opens
)

// systemReporter is who reports what no person has.
var systemReporter = models.UserRef{Type: "system", ID: "spread"}

// spread notices who opens chats with many vendors by the same words: one report, reason spam, goes
// into the admins' queue. Nothing is refused. The database is asked, so that it does not matter on
// which nodes the chats were opened; and behind the sender's answer, which does not wait for it.
type spread struct {
	service *Service
	opened  chan models.Message
	cancel  context.CancelFunc
	wg      sync.WaitGroup
}

func newSpread(s *Service) *spread {
	p := &spread{service: s, opened: make(chan models.Message, spreadWaiting)}
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel = cancel
	p.wg.Go(func() {
		for {
			select {
			case m := <-p.opened:
				if err := p.look(ctx, m); err != nil && ctx.Err() == nil {
					s.log.Warn("a new chat was not compared with others", "chat", m.ChatID, "err", err)
				}
			case <-ctx.Done():
				return
			}
		}
	})
	return p
}

func (p *spread) close() {
	p.cancel()
	p.wg.Wait()
}

// note takes the first message of a chat. It does not block.
func (p *spread) note(m models.Message) {
	if m.SenderType != models.TypeCustomer || m.Text == "" {
		return
	}
	select {
	case p.opened <- m:
	default:
	}
}

// look reports the earliest of the messages, so that those after it are the same report.
func (p *spread) look(ctx context.Context, m models.Message) error {
	ctx, cancel := context.WithTimeout(ctx, commitTimeout)
	defer cancel()
	st := p.service.store
	first, vendors, err := st.openedWith(ctx, m.Sender(), m.Text, m.CreatedAt.Add(-spreadWithin))
	if err != nil || vendors < spreadVendors {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return fmt.Errorf("make a report id: %w", err)
	}
	_, err = st.addReport(ctx, models.Report{
		ID: id.String(), CreatedAt: p.service.now(), ReporterType: systemReporter.Type, ReporterID: systemReporter.ID,
		ChatID: first.ChatID, MessageID: first.ID, Reason: "spam",
		Note: fmt.Sprintf("The same first message to %d vendors or more within an hour.", spreadVendors),
	})
	return err
}
