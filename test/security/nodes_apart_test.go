package security

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// nodeRowsWithoutRedis run after Redis was killed: what nodes know of each other then comes by the
// database.
var nodeRowsWithoutRedis = []nodeRow{
	{number: "T18", name: "revoked while connected, without Redis", writes: true, run: func(n *nodes) string {
		return "on another node " + revoked(n, customer("180"))
	}},
	{number: "T18", name: "revoked, with an account, without Redis", writes: true, run: accountRevoked},
	{number: "T51", name: "a member put out of a group, without Redis", writes: true, run: putOut},
	{number: "T60", name: "writing when blocked, without Redis", writes: true, run: func(n *nodes) string {
		chatID, _ := n.a.open("t60", "x")
		return writingWhenBlocked(n, chatID)
	}},
	{number: "T86", name: "a flood of messages over several sockets, without Redis", writes: true, run: func(n *nodes) string {
		stored, _ := flood(n, customer("860"), 400)
		if stored > 280 || stored < 200 {
			n.Errorf("%d stored", stored)
		}
		return "each node counts for itself: about 240 of 400 stored on two"
	}},
}

// revoked lets an admin end u's sessions on node a while u is on both, and says how long node b
// needed. The bound is ten times what is promised: machines are slow at times.
func revoked(n *nodes, u models.UserRef) string {
	n.Helper()
	old := token(u, time.Hour)
	here, there := n.a.join(u), n.b.join(u)
	n.b.want(403, john, "POST", "/api/v1/admin/users/customer/"+u.ID+"/revoke", "")
	began := time.Now()
	n.a.want(200, root, "POST", "/api/v1/admin/users/customer/"+u.ID+"/revoke", "")
	there.Expect("/chat", "appError", 6*siotest.Timeout)
	told := time.Since(began).Round(10 * time.Millisecond)
	there.ExpectClosed(siotest.Timeout)
	here.ExpectClosed(siotest.Timeout)
	for _, s := range []*site{n.a, n.b} {
		s.want(401, nobody, "GET", "/api/v1/chats", "", "Authorization", "Bearer "+old)
		if status := s.refusedSocket("/presence", map[string]string{"token": old}); status != 401 {
			n.Errorf("reconnecting: %d", status)
		}
	}
	return fmt.Sprintf("`appError` 401 and disconnected after %s, closed a second later", told)
}

// writingWhenBlocked lets Haven, on b, block John, who writes on a.
func writingWhenBlocked(n *nodes, chatID string) string {
	n.Helper()
	product, c, third := "third-"+chatID, n.a.join(john), n.a.join(jane)
	n.a.wantAck(201, third, "sendMessage", fmt.Sprintf(`{"productId":%q,"recipientId":2,"text":"opens the chat"}`, product))
	vendor := n.b.join(haven)
	hear := func(text string) { // what node a has said before has arrived as well
		n.a.wantAck(201, third, "sendMessage", fmt.Sprintf(`{"productId":%q,"recipientId":2,"text":%q}`, product, text))
		for range 100 {
			if strings.Contains(string(vendor.Expect("/chat", "receiveMessage", siotest.Timeout)), text) {
				return
			}
		}
		n.Errorf("%q did not arrive", text)
	}
	began := time.Now()
	n.b.wantAck(200, vendor, "blockUser", `{"userId":2,"userType":"customer"}`)
	defer n.b.wantAck(200, vendor, "unblockUser", `{"userId":2,"userType":"customer"}`)
	send := fmt.Sprintf(`{"chatId":%q,"text":"let me in"}`, chatID)
	n.until("the other node knows of the block", func() bool {
		time.Sleep(100 * time.Millisecond) // asking counts as sending, of which there are 120 a minute
		return n.a.ask(c, "sendMessage", send).StatusCode == 403
	})
	took := time.Since(began).Round(10 * time.Millisecond)
	hear("so far")
	mark := len(vendor.Received())
	n.a.wantAck(403, c, "sendMessage", send)
	for _, s := range []*site{n.a, n.b} {
		s.want(403, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"chatId":%q,"text":"let me in"}`, chatID))
		s.want(403, john, "POST", "/api/v1/chats/messages", `{"productId":"t60-other","recipientId":2,"text":"let me in"}`)
	}
	n.a.wantAck(200, c, "typing", fmt.Sprintf(`{"chatId":%q}`, chatID))
	hear("and since")
	for _, r := range vendor.Received()[mark:] {
		if r.Event == "typing" || r.Event == "newChat" || strings.Contains(string(r.Arg()), "let me in") {
			n.Errorf("the vendor was sent %s %s", r.Event, r.Arg())
		}
	}
	return fmt.Sprintf("blocked on one node, 403 on the other after %s; the vendor hears nothing", took)
}

// flood sends from six sockets on both nodes at once and counts what was stored.
func flood(n *nodes, u models.UserRef, messages int) (stored, late int64) {
	n.Helper()
	var wg sync.WaitGroup
	var in, out atomic.Int64
	for i := range 6 {
		s := []*site{n.a, n.b}[i%2]
		c := s.join(u)
		wg.Go(func() {
			for range messages / 6 {
				b, err := c.TryEmitAck("/chat", "sendMessage", json.RawMessage(`{"productId":"t86","recipientId":86,"text":"x"}`), 3*siotest.Timeout)
				var r reply
				if err == nil {
					err = json.Unmarshal(b, &r)
				}
				switch {
				case err != nil:
					n.Errorf("socket %d: %v", i, err)
					return
				case r.StatusCode == 201:
					in.Add(1)
				case r.StatusCode == 429:
					out.Add(1)
				default:
					n.Errorf("socket %d: %d %s", i, r.StatusCode, r.Message)
				}
			}
		})
	}
	wg.Wait()
	return in.Load(), out.Load()
}
