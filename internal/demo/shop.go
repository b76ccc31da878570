package demo

import (
	"encoding/json"
	"fmt"
	"net/http"

	"chaffer/internal/models"
)

// shelf is what the demo's storefront shows: {products: […], people: […]}.
type shelf struct {
	Products []shelfProduct `json:"products"`
	People   []shelfPerson  `json:"people"`
}

type shelfProduct struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Price    string `json:"price"`
	Currency string `json:"currency"`
	ImageURL string `json:"imageUrl"`
	VendorID string `json:"vendorId"`
	Store    string `json:"storeName"`
	LogoURL  string `json:"storeLogoUrl"`
}

type shelfPerson struct {
	ID      string `json:"id"`
	Type    string `json:"type"`
	Name    string `json:"name"`
	Picture string `json:"picture"`
}

var people = []person{john, amina, lucia, ken, techHaven, oakWool, greenDesk}

// Person says who somebody of the demo is; base is where the node is reached. Admin 1 is one of them.
func Person(u models.UserRef, base string) (name, picture string, known bool) {
	if u == (models.UserRef{Type: models.TypeAdmin, ID: "1"}) {
		return "Admin", "", true
	}
	for _, p := range people {
		if p.ref == u {
			return p.name, face(p, base), true
		}
	}
	return "", "", false
}

func face(p person, base string) string {
	kind := "person"
	if p.ref.Type == models.TypeVendor {
		kind = "store"
	}
	return fmt.Sprintf("%s/demo/pictures/%s-%s.svg", base, kind, p.ref.ID)
}

// serveShelf answers with the products and the people of the demo.
func serveShelf(w http.ResponseWriter, r *http.Request) {
	base := "http://" + r.Host
	var out shelf
	for _, i := range items {
		out.Products = append(out.Products, shelfProduct{
			ID: i.id, Name: i.name, Price: i.price, Currency: "EUR", ImageURL: fmt.Sprintf("%s/demo/pictures/%s.svg", base, i.id),
			VendorID: i.seller.ref.ID, Store: i.seller.name, LogoURL: face(i.seller, base),
		})
	}
	for _, p := range people {
		out.People = append(out.People, shelfPerson{p.ref.ID, string(p.ref.Type), p.name, face(p, base)})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(out) // a browser that has gone needs no answer
}
