package security

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// nameFlags warn of a name; they are left out of a chat whose names are honest. A customer's name is
// the one in the token, which wins over what the message says.
var nameFlags = []string{"storeNameSuspicious", "productNameSuspicious"}

var nameRows = []attack{
	{number: "T67", name: "names in letters of another alphabet", settings: map[string]string{}, writes: true, run: func(s *site) string {
		vendor, buyer := s.join(haven), s.join(john)
		forged := []string{"\u0410\u0440\u0440le", "Tech H\u0430ven", "Tech \u041d\u0430\u0443\u0435", "Micros\u03bfft", "App\u200cle"}
		for i, name := range forged {
			text, _ := json.Marshal(name)
			s.wantAck(201, buyer, "sendMessage", fmt.Sprintf(`{"productId":"t67-%d","recipientId":2,"text":"x","storeName":%s,"productName":%s}`, i, text, text))
			path := fmt.Sprintf("/api/v1/chats/by-product/t67-%d/2/2", i)
			s.flagged(name, s.want(200, john, "GET", path, "").body, true)
			s.flagged(name, s.want(200, haven, "GET", path, "").body, true)
			s.flagged(name, s.want(200, root, "GET", fmt.Sprintf("/api/v1/admin/chats?productId=t67-%d", i), "").body, true)
			s.flagged(name, vendor.Expect("/chat", "newChat", siotest.Timeout), true)
		}
		honest := []string{"Tech Haven", "東京カメラのみせ", "Tシャツ専門店", "LG전자", "李明的商店", "Кофе с Milk", "Вера", "Καφενείο", "متجر الكتب", "علی\u200cرضا", "ร้านiPhone", "Zoë Łukasiewicz", "10kΩ"}
		for i, name := range honest {
			text, _ := json.Marshal(name)
			s.wantAck(201, buyer, "sendMessage", fmt.Sprintf(`{"productId":"t67h-%d","recipientId":2,"text":"x","storeName":%s,"productName":%s}`, i, text, text))
			s.flagged(name, s.want(200, haven, "GET", fmt.Sprintf("/api/v1/chats/by-product/t67h-%d/2/2", i), "").body, false)
		}
		// What the shop's own backend vouches for is the shop's business.
		s.want(201, nobody, "PUT", "/api/v1/products/t67-vouched", `{"name":"\u0410\u0440\u0440le","price":"1","currency":"EUR","imageUrl":"https://x.example/a.png","vendorId":2,"storeName":"\u0410\u0440\u0440le"}`, "Authorization", "Bearer "+serviceToken)
		s.wantAck(201, buyer, "sendMessage", `{"productId":"t67-vouched","recipientId":2,"text":"x"}`)
		s.flagged("a vouched name", s.want(200, haven, "GET", "/api/v1/chats/by-product/t67-vouched/2/2", "").body, false)
		// A person's name comes from the token, which says what the person has typed somewhere.
		signed, err := auth.Mint(secret, auth.Claims{User: models.UserRef{Type: models.TypeCustomer, ID: "67"}, Name: "J\u043ehn Doe", Issuer: "shop", Audience: "chaffer"}, time.Hour)
		if err != nil {
			s.Fatal(err)
		}
		s.want(201, nobody, "POST", "/api/v1/chats/messages", `{"productId":"t67-token","recipientId":2,"text":"x"}`, "Authorization", "Bearer "+signed)
		if a := s.want(200, haven, "GET", "/api/v1/chats/by-product/t67-token/2/67", ""); a.field("data.customerNameSuspicious") != true {
			s.Errorf("a name in a token is not flagged: %s", a.body)
		}
		if a := s.want(200, root, "GET", "/api/v1/admin/users/customer/67", ""); a.field("data.nameSuspicious") != true {
			s.Errorf("the person is not flagged: %s", a.body)
		}
		return fmt.Sprintf("%d forged names of stores, products and people are flagged in `newChat`, lists, chats and the admins' pages, a token's too; %d honest ones in ten scripts and names the catalogue vouches for are not", len(forged), len(honest))
	}},
}

// flagged fails unless an answer warns of the store's and the product's name, or of neither.
func (s *site) flagged(name string, body []byte, want bool) {
	s.Helper()
	for _, key := range nameFlags {
		if got := strings.Contains(string(body), `"`+key+`":true`); got != want {
			s.Errorf("%q: %s is there: %t, expected %t: %.600s", name, key, got, want, body)
		}
	}
}
