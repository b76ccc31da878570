package product

import (
	"chaffer/internal/models"
	"chaffer/internal/wire"
)

// CardJSON is what the shop's backend says about a product.
type CardJSON struct {
	Name         string     `json:"name" minLength:"1" maxLength:"120" example:"Wireless Headphones"`
	Price        wire.Price `json:"price"`
	Currency     string     `json:"currency" pattern:"^[A-Z]{3}$" doc:"ISO 4217." example:"EUR"`
	ImageURL     string     `json:"imageUrl" maxLength:"2048" example:"https://shop.example.com/12345.jpg"`
	URL          string     `json:"url,omitempty" maxLength:"2048" doc:"The product's page."`
	VendorID     wire.ID    `json:"vendorId" doc:"Only this vendor can be written to about the product."`
	StoreName    string     `json:"storeName" minLength:"1" maxLength:"120" example:"Tech Haven"`
	StoreLogoURL string     `json:"storeLogoUrl,omitempty" maxLength:"2048"`
}

// ProductJSON is a stored product.
type ProductJSON struct {
	ProductID string `json:"productId"`
	CardJSON
	CreatedAt wire.Time `json:"createdAt"`
	UpdatedAt wire.Time `json:"updatedAt"`
}

func fromWire(id string, c CardJSON) models.Product {
	return models.Product{
		ID: id, Name: c.Name, Price: string(c.Price), Currency: c.Currency, ImageURL: c.ImageURL, URL: c.URL,
		VendorID: string(c.VendorID), StoreName: c.StoreName, StoreLogoURL: c.StoreLogoURL,
	}
}

func toWire(p models.Product) ProductJSON {
	return ProductJSON{
		ProductID: p.ID,
		CardJSON: CardJSON{
			Name: p.Name, Price: wire.Price(p.Price), Currency: p.Currency, ImageURL: p.ImageURL, URL: p.URL,
			VendorID: wire.ID(p.VendorID), StoreName: p.StoreName, StoreLogoURL: p.StoreLogoURL,
		},
		CreatedAt: wire.At(p.CreatedAt), UpdatedAt: wire.At(p.UpdatedAt),
	}
}
