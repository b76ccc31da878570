package security

import (
	"fmt"
	"strings"
	"time"

	"chaffer/internal/realtime/siotest"
)

func contains(s string, parts ...string) bool {
	for _, part := range parts {
		if strings.Contains(s, part) {
			return true
		}
	}
	return false
}

// erasedEverywhere erases somebody on node a and looks for what they wrote on node b, in Redis and in
// the database.
func erasedEverywhere(n *nodes) string {
	gone := customer("93")
	picture := n.a.upload(gone, picture())
	id, _ := picture.field("data.id").(string)
	address, _ := picture.field("data.imageUrl").(string)
	path := address[strings.Index(address, "/media/"):]
	sent := n.a.want(201, gone, "POST", "/api/v1/chats/messages",
		fmt.Sprintf(`{"productId":"t93","recipientId":2,"text":"canary-of-93","customerName":"Canary Name","messageImages":[%q]}`, id))
	chatID, _ := sent.field("data.chatId").(string)
	vendor := n.b.join(haven)
	n.b.want(201, haven, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"chatId":%q,"text":"what the vendor wrote"}`, chatID))
	n.b.want(200, nobody, "GET", path, "")
	socket, old := n.b.join(gone), token(gone, time.Hour)
	export := string(n.b.want(200, root, "GET", "/api/v1/admin/users/customer/93/export", "").body)
	if !strings.Contains(export, "canary-of-93") || !strings.Contains(export, "what the vendor wrote") || !strings.Contains(export, `"kind":"end"`) {
		n.Errorf("the export before is not whole: %s", export)
	}
	began := time.Now()
	n.a.want(202, root, "POST", "/api/v1/admin/users/customer/93/erase", "")
	n.until("the other node says it is done", func() bool {
		return n.b.want(200, root, "GET", "/api/v1/admin/users/customer/93/erase", "").field("data.state") == "done"
	})
	vendor.Expect("/chat", "messageDeleted", siotest.Timeout)
	took := time.Since(began)
	socket.ExpectClosed(siotest.Timeout)
	n.b.want(401, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+old)

	later := n.b.join(haven) // with what it is sent on connecting
	looked := map[string]string{
		"history":    string(n.b.ask(later, "getMessages", fmt.Sprintf(`{"chatId":%q}`, chatID)).Data),
		"list":       string(n.b.ask(later, "getUserChats", `{}`).Data),
		"resume":     string(n.b.ask(later, "resume", fmt.Sprintf(`{"positions":{%q:{"seq":0}}}`, chatID)).Data),
		"REST":       string(n.b.want(200, haven, "GET", "/api/v1/chats/"+chatID+"/messages", "").body),
		"card":       string(n.b.want(200, haven, "GET", "/api/v1/chats/"+chatID, "").body),
		"admin":      string(n.b.want(200, root, "GET", "/api/v1/admin/chats/"+chatID, "").body),
		"transcript": string(n.b.want(200, root, "GET", "/api/v1/admin/chats/"+chatID+"/transcript", "").body),
		"export":     string(n.b.want(200, root, "GET", "/api/v1/admin/users/customer/93/export", "").body),
		"search":     string(n.b.want(200, root, "GET", "/api/v1/admin/chats?q=canary-of-93", "").body),
		"Redis":      everythingIn(n),
	}
	for _, r := range later.Received() {
		looked["on connecting: "+r.Event] += string(r.Arg())
	}
	for where, what := range looked {
		if contains(what, "canary-of-93", "Canary Name", "Name of customer:93", id) {
			n.Errorf("%s still has it: %.500s", where, what)
		}
	}
	for _, kept := range []string{"history", "REST", "export"} {
		if !strings.Contains(looked[kept], "what the vendor wrote") {
			n.Errorf("%s has lost what the other side wrote: %.500s", kept, looked[kept])
		}
	}
	if !strings.Contains(looked["card"], "Deleted user") {
		n.Errorf("the other side sees %s", looked["card"])
	}
	n.b.want(404, nobody, "GET", path, "")
	for _, table := range []string{"messages", "chats", "members", "profiles", "attachments", "jobs"} {
		var hits int64
		if err := n.a.db.SQL().QueryRow("SELECT COUNT(*) FROM " + table + " x WHERE x::text LIKE '%canary-of-93%' OR x::text LIKE '%Canary Name%' OR x::text LIKE '%Name of customer:93%'").Scan(&hits); err != nil {
			n.Fatal(err)
		} else if hits > 0 {
			n.Errorf("%d rows of %s have it", hits, table)
		}
	}
	return fmt.Sprintf("erased on one node: gone on the other after %s — socket, REST, search, offline, resume, export, picture, Redis, database; the other side keeps its own words and sees \"Deleted user\"", took.Round(10*time.Millisecond))
}

// everythingIn is all of Redis as text.
func everythingIn(n *nodes) string {
	c := n.redis.Client()
	defer c.Close()
	var out strings.Builder
	keys, err := c.Keys(n.Context(), "*").Result()
	if err != nil {
		n.Fatal(err)
	}
	for _, k := range keys {
		dump, err := c.Dump(n.Context(), k).Result()
		if err == nil { // else it has just expired
			out.WriteString(k + " " + dump + "\n")
		}
	}
	if len(keys) == 0 {
		n.Error("there is nothing in Redis: is it the right one?")
	}
	return out.String()
}
