package chat

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// addressTriple finds or prepares the one chat of (product, vendor, customer).
func (s *Service) addressTriple(ctx context.Context, actor auth.Identity, in SendInput, op *appendOp) error {
	t, err := tripleOf(actor.User, in.ProductID, in.RecipientID)
	if err != nil {
		return err
	}
	product, err := s.catalogue.Find(ctx, t.product)
	verified := err == nil
	if err != nil && !apperr.Is(err, apperr.NotFound) {
		return err
	}
	if verified && product.VendorID != t.vendor {
		return invalid("product %q is not sold by vendor %q: check productId and recipientId", t.product, t.vendor)
	}
	op.entry, err = s.entryOfTriple(ctx, t)
	if !apperr.Is(err, apperr.NotFound) {
		return err
	}
	if actor.User.Type == models.TypeVendor && !s.settings.VendorMayOpenChats {
		return apperr.New(apperr.Forbidden, "Only a customer may open a chat in this shop")
	}
	card, err := in.Card.clean(s.settings.AllowHTTP)
	if err != nil {
		return err
	}
	if actor.User.Type == models.TypeCustomer {
		if wait := s.limiter.OpenChat(ctx, actor.User); wait > 0 {
			return apperr.Later("You have opened many chats in the last hour, please wait before opening another", wait)
		}
		if actor.Name != "" {
			card.CustomerName = actor.Name // the token vouches for it
		}
		if actor.Picture != "" {
			card.CustomerProfilePic = actor.Picture
		}
	}
	op.open, err = newProductChat(t, card, product, verified)
	return err
}

// tripleOf reads the three from who asks and whom they mean: the other side is always of the
// other type, so customer 2 writing to 2 means vendor 2.
func tripleOf(actor models.UserRef, productID, recipientID string) (triple, error) {
	if !wire.ValidID(productID) {
		return triple{}, invalid("productId must be 1–64 printable characters without spaces")
	}
	if !wire.ValidUserID(recipientID) {
		return triple{}, invalid("recipientId " + wire.NotAUserID)
	}
	switch actor.Type {
	case models.TypeCustomer:
		return triple{productID, recipientID, actor.ID}, nil
	case models.TypeVendor:
		return triple{productID, actor.ID, recipientID}, nil
	}
	return triple{}, apperr.New(apperr.Forbidden, "Only customers and vendors write in product chats")
}

func newProductChat(t triple, card Card, product models.Product, verified bool) (*models.Chat, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return nil, fmt.Errorf("make a chat id: %w", err)
	}
	c := &models.Chat{
		ID: id.String(), Kind: models.KindProduct,
		ProductID: t.product, VendorID: t.vendor, CustomerID: t.customer,
		ProductName: card.ProductName, ProductImageURL: card.ProductImageURL, ProductPrice: card.ProductPrice,
		StoreName: card.StoreName, StoreLogoURL: card.StoreLogoURL,
		CustomerName: card.CustomerName, CustomerProfilePic: card.CustomerProfilePic,
	}
	if verified {
		c.ProductVerified = true
		c.ProductName, c.ProductImageURL, c.ProductPrice = product.Name, product.ImageURL, product.Price
		c.StoreName, c.StoreLogoURL = product.StoreName, product.StoreLogoURL
	}
	return c, nil
}

// clean makes client text storable, or says which field is wrong.
func (c Card) clean(allowHTTP bool) (Card, error) {
	var err error
	fix := func(field string, value *string, rule func(field, s string) (string, error)) {
		if err == nil {
			*value, err = rule(field, *value)
		}
	}
	fix("productName", &c.ProductName, cleanName)
	fix("storeName", &c.StoreName, cleanName)
	fix("customerName", &c.CustomerName, cleanName)
	fix("productImageUrl", &c.ProductImageURL, cleanURL(allowHTTP))
	fix("storeLogoUrl", &c.StoreLogoURL, cleanURL(allowHTTP))
	fix("customerProfilePic", &c.CustomerProfilePic, cleanURL(allowHTTP))
	return c, err
}
