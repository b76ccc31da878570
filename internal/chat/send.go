package chat

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
)

// Card is what a client says about the product and the people. It is display text: kept once,
// when the chat is opened, and overruled by the catalogue.
type Card struct {
	ProductName        string
	ProductImageURL    string
	ProductPrice       string // exact decimal or ""
	StoreName          string
	StoreLogoURL       string
	CustomerName       string
	CustomerProfilePic string
}

// SendInput is one message to be sent. Either ChatID names a chat of the actor, or ProductID and
// RecipientID name the one chat of (product, vendor, customer), which is opened when missing.
type SendInput struct {
	ChatID      string
	ProductID   string
	RecipientID string
	Text        string   // at most MaxTextRunes; may be empty with an image
	ImageIDs    []string // uploads of the actor that no message uses yet
	Key         string   // clientMessageId: the same key and content is the same message, for ever
	Card        Card
	Origin      string // the socket that sends, "" for REST
	// Named, if set, is called once with the id the message will have, before it can be stored.
	Named func(messageID string)
}

// Sent is a stored message.
type Sent struct {
	Chat      models.Chat
	Message   models.Message
	Opened    bool // it is the first of its chat
	Duplicate bool // its key had been used; Message is the first result
}

// Send stores a message and returns when its commit is flushed. Everybody concerned hears of it
// through the subscribers. Errors: Invalid for a message that cannot be stored, NotFound for a
// chat that is not the actor's, Forbidden where the actor may not open one, Conflict for a key
// used with other content, TooMany over a limit, Unavailable when the database did not confirm:
// the message may or may not be stored, and the same key tells on retry.
func (s *Service) Send(ctx context.Context, actor auth.Identity, in SendInput) (Sent, error) {
	type result struct {
		sent Sent
		err  error
	}
	done := make(chan result, 1)
	s.SendAsync(ctx, actor, in, func(sent Sent, err error) { done <- result{sent, err} })
	r := <-done // the committer always answers, by ctx's deadline at the latest
	return r.sent, r.err
}

// SendAsync is Send for callers that pipeline: done is called once, from any goroutine, and for
// one chat in the order of the calls. It must not block.
func (s *Service) SendAsync(ctx context.Context, actor auth.Identity, in SendInput, done func(Sent, error)) {
	op, err := s.prepare(ctx, actor, in)
	if err != nil {
		done(Sent{}, err)
		return
	}
	if in.Named != nil {
		in.Named(op.message.ID)
	}
	op.done = done
	s.committer.submit(op)
}

// appendOp is one message on its way into the database.
type appendOp struct {
	ctx     context.Context
	entry   *entry       // the chat; nil when it has to be opened first
	open    *models.Chat // what to open
	message models.Message
	images  []string // attachment ids the message takes
	origin  string
	done    func(Sent, error)

	// Filled by the store.
	opened    bool
	duplicate bool
	twin      *appendOp // an earlier one of the same batch with the same key
	err       error
	wasUnread int64 // what the sender had not read before; replying counts as reading
}

// lane is what keeps a chat's messages in order: the same for every way of naming the chat.
func (op *appendOp) lane() string {
	c := op.open
	if op.entry != nil {
		c = &op.entry.chat
	}
	if c.Kind == models.KindProduct {
		return c.ProductID + "\x00" + c.VendorID + "\x00" + c.CustomerID
	}
	return c.ID
}

func (op *appendOp) key() string {
	if op.message.ClientMessageID == nil {
		return ""
	}
	return op.message.Sender().String() + "\x00" + *op.message.ClientMessageID
}

func (s *Service) prepare(ctx context.Context, actor auth.Identity, in SendInput) (*appendOp, error) {
	text, err := cleanText(in.Text, len(in.ImageIDs) > 0)
	if err != nil {
		return nil, err
	}
	key, err := cleanKey(in.Key)
	if err != nil {
		return nil, err
	}
	if len(in.ImageIDs) > MaxImages {
		return nil, invalid("messageImages holds %d images: at most %d are allowed", len(in.ImageIDs), MaxImages)
	}
	if wait := s.limiter.Send(ctx, actor.User); wait > 0 {
		return nil, apperr.Later("You are sending too fast, please wait a moment", wait)
	}
	op := &appendOp{ctx: ctx, origin: in.Origin, images: in.ImageIDs}
	if err := s.address(ctx, actor, in, op); err != nil {
		return nil, err
	}
	if err := s.mayWrite(op, actor.User); err != nil {
		return nil, err
	}
	images, err := s.takeImages(ctx, actor.User, in.ImageIDs)
	if err != nil {
		return nil, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make a message id: %w", err)
	}
	op.message = models.Message{
		ID: id.String(), SenderType: actor.User.Type, SenderID: actor.User.ID, Text: text, Images: images,
	}
	if key != "" {
		op.message.ClientMessageID = &key
		op.message.ContentHash = contentHash(text, in.ImageIDs)
	}
	return op, nil
}

// address finds the chat a message is for, or what has to be opened.
func (s *Service) address(ctx context.Context, actor auth.Identity, in SendInput, op *appendOp) error {
	if in.ChatID != "" {
		e, err := s.entry(ctx, in.ChatID)
		switch {
		case err == nil && !e.has(actor.User):
			return notFound()
		case err == nil:
			op.entry = e
			return contradiction(e, actor.User, in)
		case !apperr.Is(err, apperr.NotFound) || in.ProductID == "" || in.RecipientID == "":
			return err
		}
	}
	if in.ProductID == "" || in.RecipientID == "" {
		return invalid("name the chat: chatId of an existing one, or productId and recipientId to open one")
	}
	return s.addressTriple(ctx, actor, in, op)
}

// mayWrite asks safety about a message that has found its chat.
func (s *Service) mayWrite(op *appendOp, sender models.UserRef) error {
	if op.entry != nil {
		return s.safety.mayWrite(op.entry.chat, sender, op.entry.others(sender))
	}
	customer, vendor := op.open.Parties()
	return s.safety.mayWrite(*op.open, sender, []models.UserRef{customer, vendor})
}

// contradiction refuses a message whose recipient is not in the chat it names.
func contradiction(e *entry, actor models.UserRef, in SendInput) error {
	if in.RecipientID == "" {
		return nil
	}
	for _, other := range e.others(actor) {
		if other.ID == in.RecipientID {
			return nil
		}
	}
	return invalid("recipientId %q is not in this chat: leave recipientId out, or leave chatId out to write to somebody else", in.RecipientID)
}

// takeImages returns the stored form of the images a message shows.
func (s *Service) takeImages(ctx context.Context, owner models.UserRef, ids []string) (string, error) {
	if len(ids) == 0 {
		return "[]", nil
	}
	images := make([]models.Image, 0, len(ids))
	for _, raw := range ids {
		missing := apperr.New(apperr.NotFound, fmt.Sprintf("Image %q was not found: upload it first and use the id of the answer", raw))
		id, ok := parseID(raw)
		if !ok {
			return "", missing
		}
		a, err := s.store.attachment(ctx, owner, id)
		if apperr.Is(err, apperr.NotFound) {
			return "", missing
		}
		if err != nil {
			return "", err
		}
		images = append(images, models.Image{ID: a.ID, URL: a.URL, MimeType: a.MimeType, Size: a.Size, Width: a.Width, Height: a.Height})
	}
	b, err := json.Marshal(images)
	if err != nil {
		return "", fmt.Errorf("encode images: %w", err)
	}
	return string(b), nil
}
