// Package demo fills an empty service with a small shop, so that a newcomer has something to look
// at: through the same service real messages go through, so everything in it is real.
package demo

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"chaffer/internal/auth"
	"chaffer/internal/chat"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/product"
)

// Report is what Fill has put there.
type Report struct{ Products, Chats, Messages int }

type filler struct {
	db       *db.DB
	base     string // address under which the node serves its pictures
	products *product.Service
	chats    *chat.Service
	clock    atomic.Int64 // the shop's time in Unix nanoseconds; the service looks at it, too
}

func (f *filler) now() time.Time { return time.Unix(0, f.clock.Load()).UTC() }

// nobodyOnline stands in for the sockets, of which there are none.
type nobodyOnline struct{}

func (nobodyOnline) Online(context.Context, models.UserRef) bool { return false }

// Fill writes the demo shop into a migrated database. baseURL is where the node will be reached,
// for the pictures' addresses. What is there already stays as it is: every message has a key of its
// own, so a second run changes nothing.
func Fill(ctx context.Context, d *db.DB, baseURL string, log *slog.Logger) (Report, error) {
	f := &filler{db: d, base: baseURL, products: product.NewService(d, true)}
	f.clock.Store(time.Now().Truncate(time.Minute).Add(-72 * time.Hour).UnixNano())
	f.chats = chat.NewService(d, nobodyOnline{}, f.products, chat.NewLocalLimiter(chat.Rates{}), chat.Settings{
		VendorMayOpenChats: true, AllowHTTP: true, Now: f.now,
	}, log)
	defer f.chats.Close()
	var r Report
	for _, i := range items {
		if err := f.publish(ctx, i); err != nil {
			return r, err
		}
		r.Products++
	}
	for n, t := range talks() {
		if err := f.play(ctx, n, t); err != nil {
			return r, fmt.Errorf("demo chat %d: %w", n+1, err)
		}
		r.Chats++
		r.Messages += len(t.lines)
	}
	return r, nil
}

func (f *filler) picture(productID string) string {
	return fmt.Sprintf("%s/demo/pictures/%s.svg", f.base, productID)
}

func (f *filler) publish(ctx context.Context, i item) error {
	_, _, err := f.products.Put(ctx, models.Product{
		ID: i.id, Name: i.name, Price: i.price, Currency: "EUR", ImageURL: f.picture(i.id), VendorID: i.seller.ref.ID,
		StoreName: i.seller.name, StoreLogoURL: fmt.Sprintf("%s/demo/pictures/store-%s.svg", f.base, i.seller.ref.ID),
	})
	return err
}

// play sends a conversation line by line, a few minutes apart, and leaves the end of it unread.
func (f *filler) play(ctx context.Context, n int, t talk) error {
	seller := sellerOf(t.product)
	var last chat.Sent
	var ids []string
	for i, l := range t.lines {
		f.clock.Add(int64(time.Duration(1+(n*7+i*3)%5) * time.Minute))
		to := seller.ref.ID
		if l.from == seller {
			to = t.customer.ref.ID
		}
		in := chat.SendInput{
			ProductID: t.product, RecipientID: to, Text: l.text, Key: fmt.Sprintf("demo-%d-%d", n+1, i+1),
			Card: chat.Card{CustomerName: t.customer.name, CustomerProfilePic: fmt.Sprintf("%s/demo/pictures/person-%s.svg", f.base, t.customer.ref.ID)},
		}
		if l.image {
			id, err := f.drawing(ctx, l.from, t.product, in.Key)
			if db.IsDuplicate(err) { // this line was played before
				last.Duplicate = true
				continue
			}
			if err != nil {
				return err
			}
			in.ImageIDs = []string{id}
		}
		sent, err := f.chats.Send(ctx, auth.Identity{User: l.from.ref, Name: l.from.name}, in)
		if err != nil {
			return err
		}
		last, ids = sent, append(ids, sent.Message.ID)
	}
	return f.finish(ctx, t, last, ids)
}

// finish moves the positions as if both had looked, up to what is meant to be unread.
func (f *filler) finish(ctx context.Context, t talk, last chat.Sent, ids []string) error {
	if last.Duplicate { // played before: whoever tried the demo has moved on from there
		return nil
	}
	chatID, end := last.Chat.ID, int64(len(t.lines))
	writer := t.lines[len(t.lines)-1].from
	for _, side := range []person{t.customer, sellerOf(t.product)} {
		seen := end
		if side != writer {
			seen -= int64(t.unread)
		}
		if _, err := f.chats.MarkRead(ctx, side.ref, chatID, &seen, ""); err != nil {
			return err
		}
		if err := f.chats.Delivered(ctx, side.ref, chatID, seen); err != nil {
			return err
		}
	}
	if t.deleted > 0 {
		_, err := f.chats.Delete(ctx, t.lines[t.deleted-1].from.ref, chatID, ids[t.deleted-1])
		return err
	}
	return nil
}

// drawing registers the product's picture as an upload of somebody. Its id follows from the key:
// a second run gets a duplicate.
func (f *filler) drawing(ctx context.Context, owner person, productID, key string) (string, error) {
	a := models.Attachment{
		ID: uuid.NewSHA1(uuid.NameSpaceURL, []byte("chaffer-demo:"+key)).String(), OwnerType: owner.ref.Type, OwnerID: owner.ref.ID,
		URL: f.picture(productID), MimeType: "image/svg+xml", Size: int64(len(Picture(productID))), Width: pictureSize, Height: pictureSize, CreatedAt: f.now(),
	}
	return a.ID, f.db.WithContext(ctx).Create(&a).Error
}

func sellerOf(productID string) person {
	for _, i := range items {
		if i.id == productID {
			return i.seller
		}
	}
	return person{}
}
