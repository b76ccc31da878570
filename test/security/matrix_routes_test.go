package security

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/models"
)

// routeCells are all operations of the REST description, in the order in which an admin can do them
// all. $report, $free and the target's chat are for the admin.
var routeCells = []cell{
	{name: "listChats", owner: 200, outside: 200, admin: 403},
	{name: "listBlocks", owner: 200, outside: 200, admin: 403},
	{name: "getChat", owner: 200, outside: 404, admin: 403},
	{name: "getChatByProduct", owner: 200, outside: 404, admin: 403},
	{name: "listMessages", owner: 200, outside: 404, admin: 403},
	{name: "markAsRead", owner: 200, outside: 404, admin: 403},
	{name: "sendMessage", payload: `{"chatId":"$chat","text":"x"}`, owner: 201, blocked: 403, outside: 404, admin: 403},
	{name: "reportMessage", payload: `{"chatId":"$chat","messageId":"$message","reason":"spam"}`, owner: 400, peer: 201, outside: 404, admin: 403},
	{name: "deleteMessage", owner: 200, peer: 403, outside: 404, admin: 403},
	{name: "uploadPicture", owner: 415, outside: 415, admin: 403}, // one's own, and this is no form
	{name: "blockUser", owner: 404, outside: 404, admin: 403},     // of nobody they know
	{name: "unblockUser", owner: 200, outside: 200, admin: 403},

	{name: "putProduct", payload: `{"vendorId":70,"storeName":"Seventy","name":"Lamp","imageUrl":"https://shop.example/lamp.png","price":"1.00","currency":"USD"}`, owner: 401, outside: 401, admin: 401},
	{name: "getProduct", owner: 401, outside: 401, admin: 401},
	{name: "deleteProduct", owner: 401, outside: 401, admin: 401},

	{name: "adminStats", owner: 403, outside: 403, admin: 200},
	{name: "adminListAudit", owner: 403, outside: 403, admin: 200},
	{name: "adminListChats", owner: 403, outside: 403, admin: 200},
	{name: "adminGetChat", owner: 403, outside: 403, admin: 200},
	{name: "adminListMessages", owner: 403, outside: 403, admin: 200},
	{name: "adminTranscript", owner: 403, outside: 403, admin: 200},
	{name: "adminFreezeChat", owner: 403, outside: 403, admin: 200},
	{name: "adminUnfreezeChat", owner: 403, outside: 403, admin: 200},
	{name: "adminListReports", owner: 403, outside: 403, admin: 200},
	{name: "adminResolveReport", payload: `{"note":"looked at"}`, owner: 403, outside: 403, admin: 200},
	{name: "adminDeleteMessage", owner: 403, outside: 403, admin: 200},
	{name: "adminGetUser", owner: 403, outside: 403, admin: 200},
	{name: "adminExportUser", owner: 403, outside: 403, admin: 200},
	{name: "adminRevokeUser", owner: 403, outside: 403, admin: 200},
	{name: "adminEraseUser", owner: 403, outside: 403, admin: 202},
	{name: "adminEraseProgress", owner: 403, outside: 403, admin: 200},
}

// routeMatrix tries every route of the description as everybody.
func routeMatrix(home, away *site) string {
	m := startTrial(home, away)
	all := operations(home)
	described := map[string]operation{}
	for _, op := range all {
		described[op.id] = op
		if !slices.ContainsFunc(routeCells, func(c cell) bool { return c.name == op.id }) {
			home.Errorf("%s is in the description and tried by nobody: add it to routeCells", op.id)
		}
	}
	if len(all) != len(routeCells) {
		home.Errorf("%d routes are described, %d tried", len(all), len(routeCells))
	}
	targetChat, targetMessage := m.openFor(target)
	reported := home.want(201, peer, "POST", "/api/v1/reports", fmt.Sprintf(`{"chatId":%q,"messageId":%q,"reason":"spam"}`, targetChat, targetMessage))
	report, _ := reported.field("data.id").(string)

	// ask is one request on a chat; other is the number in routes about a person.
	ask := func(c cell, who models.UserRef, chat, message, product, other string, headers ...string) answer {
		kind := "vendor"
		if who.Type == models.TypeVendor || who == root || who == nobody {
			kind = "customer"
		}
		vendor, owner := "70", who.ID
		if who.Type != models.TypeCustomer || chat == m.chat {
			owner = "2"
		}
		fill := strings.NewReplacer("{chatId}", chat, "{messageId}", message, "{productId}", product, "{vendorId}", vendor, "{customerId}", owner,
			"{type}", kind, "{id}", other, "{reportId}", report, "$chat", chat, "$message", message)
		op := described[c.name]
		return away.rest(who, op.method, fill.Replace(op.path), fill.Replace(c.payload), headers...)
	}
	productOf := func(chat string) string {
		id, _ := home.want(200, root, "GET", "/api/v1/admin/chats/"+chat, "").field("data.productId").(string)
		return id
	}
	product, targetProduct := productOf(m.chat), productOf(targetChat)

	watch, rows := m.watch(), home.rows()
	for _, c := range routeCells {
		for _, who := range outsidersHere {
			a := ask(c, who, m.chat, m.message, product, "999")
			away.clean(a.body)
			m.outsider(c, who.String(), a.status, a.body)
			if described[c.name].tag == "Chats" && a.status == 404 && c.name != "blockUser" && !strings.Contains(string(a.body), "Chat was not found") {
				home.Errorf("%s tells %s %s", c.name, who, a.body)
			}
		}
		if a := ask(c, nobody, m.chat, m.message, product, "72"); a.status != 401 {
			home.Errorf("%s: anonymous is answered %d %.200s", c.name, a.status, a.body)
		}
		if described[c.name].tag != "Admin" {
			if a := ask(c, root, m.chat, m.message, product, "999"); a.status != c.admin {
				home.Errorf("%s: an admin is answered %d %.200s", c.name, a.status, a.body)
			}
			continue
		}
		for _, who := range []models.UserRef{john, peer, shut} {
			if a := ask(c, who, m.chat, m.message, product, "72"); a.status != c.owner {
				home.Errorf("%s as %s: %d %.200s", c.name, who, a.status, a.body)
			}
		}
		foreign := token(root, -time.Minute)
		if a := ask(c, nobody, targetChat, targetMessage, targetProduct, "72", "Authorization", "Bearer "+foreign); a.status != 401 {
			home.Errorf("%s with an admin's token that has ended: %d", c.name, a.status)
		}
		if a := ask(c, nobody, targetChat, targetMessage, targetProduct, "72", "Authorization", "Bearer "+elsewhereToken(root)); a.status != 401 {
			home.Errorf("%s with an admin's token for another service: %d", c.name, a.status)
		}
	}
	if after := home.rows(); after != rows {
		home.Errorf("rows: %s, then %s", rows, after)
	}
	watch()
	for _, c := range routeCells {
		switch described[c.name].tag {
		case "Admin":
			if a := ask(c, root, targetChat, targetMessage, targetProduct, "72"); a.status != c.admin {
				home.Errorf("%s: an admin is answered %d %.300s", c.name, a.status, a.body)
			}
		case "Catalogue":
			for _, who := range []models.UserRef{john, peer, shut} {
				if a := ask(c, who, m.chat, m.message, product, "72"); a.status != c.owner {
					home.Errorf("%s as %s: %d %.200s", c.name, who, a.status, a.body)
				}
			}
			if a := ask(c, nobody, m.chat, m.message, "of-the-shop", "72", "Authorization", "Bearer "+serviceToken); a.status/100 != 2 {
				home.Errorf("%s: the shop is answered %d %.200s", c.name, a.status, a.body)
			}
		default:
			seen := map[string]int{}
			for _, who := range []models.UserRef{john, peer, shut} {
				chat, message := m.scene(who)
				seen[who.String()] = ask(c, who, chat, message, productOf(chat), "999").status
			}
			m.insiders(c, seen)
		}
		op := described[c.name]
		m.line(fmt.Sprintf("`%s %s`", op.method, strings.TrimPrefix(op.path, "/api/v1")), c, "401", fmt.Sprint(c.admin))
	}
	return m.done("Every route by everybody", len(routeCells))
}

// elsewhereToken is a good token of the same issuer for another audience.
func elsewhereToken(u models.UserRef) string {
	t, err := auth.Mint(secret, auth.Claims{User: u, Issuer: "shop", Audience: "another"}, time.Hour)
	if err != nil {
		panic(err)
	}
	return t
}
