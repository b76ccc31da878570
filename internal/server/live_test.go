package server

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/bus"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/redis/redistest"
)

const liveSecret = "live-secret-0123456789-0123456789-0123456789"

// node is one of several servers on one database and one Redis.
type node struct {
	*Server
	url string
}

// startNodes runs n nodes; settings are changed by pairs of key and value.
func startNodes(t *testing.T, n int, redisURL string, settings ...string) []node {
	t.Helper()
	database := dbtest.Postgres(t)
	nodes := make([]node, n)
	for i := range nodes {
		env := map[string]string{
			"DATABASE_URL": database, "REDIS_URL": redisURL, "JWT_SECRET": liveSecret, "PRESENCE_GRACE": "200ms",
			"LIMIT_SENDS_PER_SECOND": "0", "LIMIT_SENDS_PER_MINUTE": "0", "LIMIT_NEW_CHATS_PER_HOUR": "0",
		}
		for j := 0; j < len(settings); j += 2 {
			env[settings[j]] = settings[j+1]
		}
		cfg, err := config.Load(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
		if err != nil {
			t.Fatal(err)
		}
		s, err := New(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(ctx, ln) }()
		t.Cleanup(func() {
			stop()
			if err := <-ended; err != nil {
				t.Errorf("node %d ended with %v", i, err)
			}
		})
		nodes[i] = node{s, "http://" + ln.Addr().String()}
	}
	return nodes
}

func waitFor(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(siotest.Timeout); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("within %s it did not come true that %s", siotest.Timeout, what)
		}
	}
}

func (n node) join(t *testing.T, u models.UserRef) *siotest.Client {
	t.Helper()
	token, err := auth.Mint(liveSecret, auth.Claims{User: u}, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := siotest.Dial(t, n.url)
	c.Connect("/presence", token)
	c.Connect("/chat", token)
	c.Expect("/chat", "offlineMessages", siotest.Timeout)
	return c
}

type liveMessage struct {
	ChatID          string
	Seq             int64
	Text            string
	RecipientOnline bool
}

func write(t *testing.T, c *siotest.Client, to, text string) liveMessage {
	t.Helper()
	b := c.EmitAck("/chat", "sendMessage", map[string]any{"productId": "p", "recipientId": to, "text": text}, siotest.Timeout)
	var answer struct {
		Error bool
		Data  liveMessage
	}
	if err := json.Unmarshal(b, &answer); err != nil || answer.Error {
		t.Fatalf("send: %s", b)
	}
	return answer.Data
}

// reads waits for the next messages of a socket, in any of the ways they come, and checks places.
func reads(t *testing.T, c *siotest.Client, from, to int64) time.Duration {
	t.Helper()
	began := time.Now()
	for seq := from; seq <= to; seq++ {
		b := c.Expect("/chat", "receiveMessage", siotest.Timeout)
		var m struct{ Data liveMessage }
		if err := json.Unmarshal(b, &m); err != nil || m.Data.Seq != seq {
			t.Fatalf("expected place %d, got %.200s", seq, b)
		}
	}
	return time.Since(began)
}

var (
	liveJohn = models.UserRef{Type: models.TypeCustomer, ID: "2"}
	liveShop = models.UserRef{Type: models.TypeVendor, ID: "2"}
)

func TestTwoNodesAreOneService(t *testing.T) {
	nodes := startNodes(t, 2, redistest.Start(t).URL)
	a, b := nodes[0], nodes[1]
	waitFor(t, "the buses are complete", func() bool { return a.live.bus.Complete() && b.live.bus.Complete() })
	john, shop, shopToo := a.join(t, liveJohn), b.join(t, liveShop), a.join(t, liveShop)
	first := write(t, john, "2", "one")
	if !first.RecipientOnline {
		t.Error("the vendor is online, on the other node too")
	}
	shop.Expect("/chat", "newChat", siotest.Timeout)
	shopToo.Expect("/chat", "newChat", siotest.Timeout)
	for i := range 20 {
		if i%2 == 0 {
			write(t, john, "2", fmt.Sprint(i))
		} else {
			write(t, shop, "2", fmt.Sprint(i))
		}
	}
	reads(t, shopToo, 2, 21) // both sides' messages, from both nodes, in order
	john.Emit("/chat", "typing", map[string]any{"chatId": first.ChatID})
	shop.Expect("/chat", "typing", siotest.Timeout)
	shop.Emit("/chat", "markAsRead", map[string]any{"chatId": first.ChatID})
	john.Expect("/chat", "updateReadReceipts", siotest.Timeout)
	john.Close()
	shop.Expect("/chat", "userIsOffline", siotest.Timeout)
	a.join(t, liveJohn)
	shop.Expect("/chat", "userIsOnline", siotest.Timeout)
	if published, dropped := a.live.bus.Stats().Published, a.live.bus.Stats().Dropped; published == 0 || dropped > 0 {
		t.Errorf("%d news were published and %d dropped", published, dropped)
	}
}

func TestWithoutRedisTheDatabaseCarries(t *testing.T) {
	s := redistest.Start(t)
	nodes := startNodes(t, 2, s.URL)
	john, shop, shopToo := nodes[0].join(t, liveJohn), nodes[1].join(t, liveShop), nodes[0].join(t, liveShop)
	write(t, john, "2", "one")
	shop.Expect("/chat", "newChat", siotest.Timeout)
	shopToo.Expect("/chat", "newChat", siotest.Timeout)
	s.Kill()
	waitFor(t, "both nodes have noticed", func() bool { return !nodes[0].live.redis.Up() && !nodes[1].live.redis.Up() })
	for i := int64(2); i <= 6; i++ {
		began := time.Now()
		write(t, john, "2", fmt.Sprint(i))
		if took := time.Since(began); took > time.Second {
			t.Errorf("a send took %s without Redis", took)
		}
		reads(t, shopToo, i, i)
		if took := reads(t, shop, i, i); took > 2*time.Second { // a second, and room for a busy machine
			t.Errorf("another node's device waited %s", took)
		}
	}
	s.Run()
	waitFor(t, "the buses are complete again", func() bool { return nodes[0].live.bus.Complete() && nodes[1].live.bus.Complete() })
	write(t, john, "2", "seven")
	reads(t, shop, 7, 7)
}

// A connect, a send and a list work while Redis hangs, and when it was down from the start.
func TestARedisThatHangsHoldsNothingUp(t *testing.T) {
	s := redistest.Start(t)
	s.Kill()
	nodes := startNodes(t, 1, s.URL)
	john := nodes[0].join(t, liveJohn)
	write(t, john, "2", "with a Redis that was never there")
	s.Run()
	waitFor(t, "Redis is used", nodes[0].live.redis.Up)
	s.Freeze()
	defer s.Thaw()
	began := time.Now()
	shop := nodes[0].join(t, liveShop)
	write(t, shop, "2", "with a Redis that hangs")
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("connecting and sending took %s", took)
	}
}

// Whoever can write to Redis cannot speak for a node.
func TestForgedNewsAreRefused(t *testing.T) {
	s := redistest.Start(t)
	nodes := startNodes(t, 1, s.URL)
	shop := nodes[0].join(t, liveShop)
	waitFor(t, "the node listens", nodes[0].live.bus.Complete)
	key, err := bus.Key("another secret, of somebody else altogether")
	if err != nil || len(key) != 32 {
		t.Fatal(err)
	}
	c := s.Client()
	defer c.Close()
	channel := "chaffer:node:" + nodes[0].live.redis.Node()
	forged := strings.Repeat("0", 64) + `.{"v":1,"id":"x","from":"y","to":"` + nodes[0].live.redis.Node() + `","at":` +
		fmt.Sprint(time.Now().UnixMilli()) + `,"kind":"chat.typing","body":{"ChatID":"c","Members":[{"Type":"vendor","ID":"2"}],"User":{"Type":"customer","ID":"2"},"Typing":true}}`
	rubbish := []string{"\xc0", "", "{}", forged, strings.Repeat("A", 10<<20), strings.Repeat("a", 64) + ".{"}
	for _, r := range rubbish {
		if n, err := c.Publish(t.Context(), channel, r).Result(); err != nil || n != 1 {
			t.Fatalf("published to %d: %v", n, err)
		}
	}
	waitFor(t, "all of it is refused", func() bool { return nodes[0].live.bus.Stats().Refused == uint64(len(rubbish)) })
	write(t, nodes[0].join(t, liveJohn), "2", "still there")
	shop.Expect("/chat", "newChat", siotest.Timeout)
	for _, e := range shop.Events("/chat") {
		if e == "typing" {
			t.Error("a forged event reached a socket")
		}
	}
}
