package security

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

func customer(id string) models.UserRef { return models.UserRef{Type: models.TypeCustomer, ID: id} }

var nodeRows = []nodeRow{
	{number: "T40", name: "one socket too many", run: func(n *nodes) string {
		var last *siotest.Client
		for i := range 6 {
			s := []*site{n.a, n.b}[i%2]
			last = s.dial()
			last.Connect("/presence", token(customer("40"), time.Hour))
			last.Expect("/presence", "connection", siotest.Timeout)
		}
		for _, s := range []*site{n.a, n.b} {
			if status := s.refusedSocket("/presence", map[string]string{"token": token(customer("40"), time.Hour)}); status != 429 {
				n.Errorf("%d", status)
			}
		}
		last.Close()
		n.until("a place on one node is free on the other", func() bool {
			c := n.a.dial()
			c.Connect("/presence", token(customer("40"), time.Hour))
			_, err := c.TryExpect("/presence", "connection", time.Second)
			return err == nil
		})
		return "two nodes count together: the seventh of six is refused on both, and let in when one has closed on the other"
	}},
	{number: "T45", name: "every event by everybody", writes: true, run: func(n *nodes) string { return eventMatrix(n.a, n.b) }},
	{number: "T46", name: "every route by everybody", writes: true, run: func(n *nodes) string { return routeMatrix(n.a, n.b) }},
	{number: "T50", name: "deleting what somebody else wrote", writes: true, run: func(n *nodes) string {
		chatID, messageID := n.a.open("t50", "x")
		other, _ := n.b.open("t50b", "y")
		onA, onB := n.a.join(haven), n.b.join(haven)
		n.b.wantAck(403, onB, "deleteMessage", fmt.Sprintf(`{"chatId":%q,"messageId":%q}`, chatID, messageID))
		n.b.want(403, haven, "DELETE", "/api/v1/chats/"+chatID+"/messages/"+messageID, "")
		n.b.want(404, john, "DELETE", "/api/v1/chats/"+other+"/messages/"+messageID, "")
		writer := n.b.join(john)
		n.b.want(200, john, "DELETE", "/api/v1/chats/"+chatID+"/messages/"+messageID, "")
		n.a.want(200, john, "DELETE", "/api/v1/chats/"+chatID+"/messages/"+messageID, "")
		settle(n.b, writer, chatID, onA)
		settle(n.a, n.a.join(john), chatID, onB)
		for _, c := range []*siotest.Client{onA, onB} {
			if k := count(c.Events("/chat"), "messageDeleted"); k != 1 {
				n.Errorf("a device was told %d times", k)
			}
		}
		return "403 and 404 on the other node too; deleted once on each: both nodes' devices are told once"
	}},
	{number: "T56", name: "read positions that cannot be", writes: true, run: func(n *nodes) string {
		chatID, _ := n.a.open("t56", "x")
		reader, readerToo, writer := n.b.join(haven), n.a.join(haven), n.a.join(john)
		for _, seq := range []string{"-1", "1.5", `"1"`, "1e400", "true"} {
			n.b.wantAck(400, reader, "markAsRead", fmt.Sprintf(`{"chatId":%q,"upToSeq":%s}`, chatID, seq))
		}
		for i := range 50 {
			n.b.wantAck(200, reader, "markAsRead", fmt.Sprintf(`{"chatId":%q,"upToSeq":1000000000000000}`, chatID))
			if i%5 == 0 {
				n.a.wantAck(200, readerToo, "markAsRead", fmt.Sprintf(`{"chatId":%q,"upToSeq":0}`, chatID))
			}
		}
		settle(n.b, reader, chatID, writer)
		if k := count(writer.Events("/chat"), "updateReadReceipts"); k != 1 {
			n.Errorf("%d receipts", k)
		}
		for _, s := range []*site{n.a, n.b} {
			if a := s.want(200, haven, "GET", "/api/v1/chats/"+chatID, ""); a.field("data.unreadCount") != 0.0 {
				n.Errorf("went back: %s", a.body)
			}
		}
		return "60 repeats over two nodes are one receipt on the other"
	}},
	{number: "T58", name: "receipts for what was never sent", writes: true, run: func(n *nodes) string {
		chatID, _ := n.a.open("t58", "x")
		c := n.b.join(haven)
		n.b.wantAck(200, c, "messagesDelivered", fmt.Sprintf(`{"chatId":%q,"upToSeq":1000000}`, chatID))
		n.b.wantAck(400, c, "messagesDelivered", fmt.Sprintf(`{"chatId":%q,"upToSeq":-1}`, chatID))
		settle(n.a, n.a.join(john), chatID, c)
		a := n.a.want(200, root, "GET", "/api/v1/admin/chats/"+chatID, "")
		if strings.Contains(string(a.body), `"deliveredSeq":1000000`) || a.field("data.lastSeq") != 2.0 {
			n.Errorf("%s", a.body)
		}
		return "what comes after a forged receipt is delivered on the other node"
	}},
	{number: "T59", name: "who is online, of strangers", run: func(n *nodes) string {
		n.b.join(lights)
		ask := func(u models.UserRef, about string) string {
			c := n.a.dial()
			c.Connect("/presence", token(u, time.Hour))
			return string(c.EmitAck("/presence", "getPresence", json.RawMessage(`{"users":[`+about+`]}`), siotest.Timeout))
		}
		if b := ask(jane, `{"userId":3,"userType":"vendor"},{"userId":999,"userType":"vendor"}`); strings.Contains(b, `"online":true`) {
			n.Errorf("told: %s", b)
		}
		n.b.join(haven) // John's counterparty: he is told, across nodes
		n.until("a counterparty sees who is on the other node", func() bool { return strings.Contains(ask(john, `{"userId":2,"userType":"vendor"}`), `"online":true`) })
		return "a stranger on the other node looks as one who does not exist; a counterparty sees them"
	}},
	{number: "T60", name: "writing when blocked", writes: true, run: func(n *nodes) string {
		chatID, _ := n.a.open("t60", "x")
		return writingWhenBlocked(n, chatID)
	}},
	{number: "T86", name: "a flood of messages over several sockets", writes: true, run: func(n *nodes) string {
		stored, _ := flood(n, customer("86"), 200)
		if stored > 130 || stored < 100 {
			n.Errorf("%d stored", stored)
		}
		return "six sockets on two nodes: about 120 stored in all"
	}},
	{number: "T88", name: "a flood of typing", writes: true, run: func(n *nodes) string {
		chatID, _ := n.a.open("t88", "x")
		vendor, c := n.b.join(haven), n.a.join(john)
		n.b.wantAck(404, n.b.join(jane), "typing", fmt.Sprintf(`{"chatId":%q}`, chatID))
		for range 40 {
			n.a.wantAck(200, c, "typing", fmt.Sprintf(`{"chatId":%q}`, chatID))
		}
		settle(n.a, c, chatID, vendor)
		if k := count(vendor.Events("/chat"), "typing"); k < 1 || k > 10 {
			n.Errorf("%d passed on", k)
		}
		return "passed to the other node at most twice a second; an outsider there 404"
	}},
	{number: "T18", name: "revoked while connected", writes: true, run: func(n *nodes) string {
		return "on another node " + revoked(n, customer("18"))
	}},
	{number: "T51", name: "a member put out of a group", writes: true, run: putOut},
	{number: "T18", name: "revoked, with an account", writes: true, run: accountRevoked},
	{number: "T93", name: "erased, with an account", writes: true, run: accountErased},
	{number: "T93", name: "erased everywhere", writes: true, run: erasedEverywhere},
	{number: "T94", name: "what a stranger publishes in Redis", writes: true, run: strangerInRedis},
}
