// Package product is the catalogue: what the shop's backend has said about its products. A chat
// about a product the catalogue knows shows the catalogue's card, not what a client claims.
package product

import (
	"context"
	"regexp"
	"unicode/utf8"

	"chaffer/internal/apperr"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// Service is the rules of the catalogue. Its methods may be called from any goroutine.
type Service struct {
	store     *store
	cache     *cache
	allowHTTP bool
}

// NewService serves the catalogue in d. allowHTTP lets addresses be http, for development.
func NewService(d *db.DB, allowHTTP bool) *Service {
	return &Service{store: &store{db: d}, cache: newCache(), allowHTTP: allowHTTP}
}

// Put stores a product and reports whether it is new. The times in p are ignored. A field that
// cannot be shown is apperr.Invalid.
func (s *Service) Put(ctx context.Context, p models.Product) (stored models.Product, created bool, err error) {
	if p, err = s.check(p); err != nil {
		return models.Product{}, false, err
	}
	defer s.cache.forget(p.ID) // also when the outcome is not known
	return s.store.put(ctx, p)
}

// Find returns a product, or apperr.NotFound when the catalogue has none of that id. What another
// node has changed is seen within 30 s.
func (s *Service) Find(ctx context.Context, productID string) (models.Product, error) {
	if !wire.ValidID(productID) {
		return models.Product{}, notFound()
	}
	if p, known, ok := s.cache.get(productID); ok {
		if !known {
			return models.Product{}, notFound()
		}
		return p, nil
	}
	turn := s.cache.turn()
	p, err := s.store.find(ctx, productID)
	switch {
	case err == nil:
		s.cache.keep(turn, p, true)
	case apperr.Is(err, apperr.NotFound):
		s.cache.keep(turn, models.Product{ID: productID}, false)
	}
	return p, err
}

// Delete removes a product; chats keep the card they were opened with. apperr.NotFound when
// there is none.
func (s *Service) Delete(ctx context.Context, productID string) error {
	if !wire.ValidID(productID) {
		return notFound()
	}
	defer s.cache.forget(productID)
	return s.store.delete(ctx, productID)
}

func notFound() error { return apperr.New(apperr.NotFound, "Product was not found") }

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	price    = regexp.MustCompile(`^\d{1,15}(\.\d{1,6})?$`)
)

// check returns p as it may be stored and shown.
func (s *Service) check(p models.Product) (models.Product, error) {
	p.Name, p.StoreName = wire.CleanName(p.Name), wire.CleanName(p.StoreName)
	for _, c := range []struct {
		wrong bool
		says  string
	}{
		{!wire.ValidID(p.ID), "productId must be 1–64 printable characters without blanks"},
		{!isName(p.Name), "name must be 1–120 characters"},
		{!price.MatchString(p.Price), "price must be a decimal such as 299.99"},
		{!currency.MatchString(p.Currency), "currency must be three capital letters such as EUR"},
		{!wire.ValidURL(p.ImageURL, s.allowHTTP), "imageUrl must be an absolute https address of at most 2048 characters"},
		{p.URL != "" && !wire.ValidURL(p.URL, s.allowHTTP), "url must be an absolute https address of at most 2048 characters, or left out"},
		{!wire.ValidUserID(p.VendorID), "vendorId " + wire.NotAUserID},
		{!isName(p.StoreName), "storeName must be 1–120 characters"},
		{p.StoreLogoURL != "" && !wire.ValidURL(p.StoreLogoURL, s.allowHTTP), "storeLogoUrl must be an absolute https address of at most 2048 characters, or left out"},
	} {
		if c.wrong {
			return p, apperr.New(apperr.Invalid, c.says)
		}
	}
	return p, nil
}

func isName(s string) bool { return s != "" && utf8.RuneCountInString(s) <= wire.MaxNameLength }
