package security

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"chaffer/internal/realtime/siotest"
)

// strangerInRedis publishes, with full access to Redis, what no node has sealed, and what one has
// sealed for another or before.
func strangerInRedis(n *nodes) string {
	n.scanNews() // writing down 10 MB keeps a Redis busy for seconds
	chatID, _ := n.a.open("t94", "canary-of-john")
	vendor, c, outsider := n.b.join(haven), n.a.join(john), n.b.join(lights)
	redis := n.redis.Client()
	defer redis.Close()
	channels, err := redis.PubSubChannels(n.Context(), "chaffer:node:*").Result()
	if err != nil || len(channels) != 2 {
		n.Fatalf("the nodes listen on %v: %v", channels, err)
	}
	tap := redis.Subscribe(n.Context(), channels...)
	defer tap.Close()
	for range channels {
		if _, err := tap.Receive(n.Context()); err != nil {
			n.Fatal(err)
		}
	}
	var genuine, forB string
	n.a.wantAck(200, c, "typing", fmt.Sprintf(`{"chatId":%q}`, chatID))
	n.a.wantAck(201, c, "sendMessage", fmt.Sprintf(`{"chatId":%q,"text":"overheard"}`, chatID))
	for !strings.Contains(genuine, "overheard") {
		m, err := tap.ReceiveMessage(n.Context())
		if err != nil {
			n.Fatal(err)
		}
		genuine, forB = m.Payload, m.Channel
	}
	for !strings.Contains(string(vendor.Expect("/chat", "receiveMessage", siotest.Timeout)), "overheard") {
	}
	forA := channels[(slices.Index(channels, forB)+1)%2]
	body := genuine[strings.IndexByte(genuine, '.')+1:]
	sealedWith := func(key, body string) string {
		m := hmac.New(sha256.New, []byte(key))
		m.Write([]byte(body))
		return hex.EncodeToString(m.Sum(nil)) + "." + body
	}
	changed := strings.ReplaceAll(body, "overheard", "forged")
	bad := []string{
		"\xc0", "", "{}", "null", "\x82\xa1v\x01", strings.Repeat("A", 10<<20), strings.Repeat("0", 64) + "." + strings.Repeat("[", 60<<10),
		genuine, strings.ToUpper(genuine[:64]) + genuine[64:], // again
		genuine[:64] + "." + changed, strings.Repeat("0", 64) + "." + changed, changed,
		sealedWith("", changed), sealedWith(secret, changed), sealedWith("chaffer", changed), // none is the key
		sealedWith(secret, strings.ReplaceAll(changed, `"vendor"`, `"vendor","ID":"3"`)),
	}
	marks := map[*siotest.Client]int{vendor: len(vendor.Received()), c: len(c.Received()), outsider: len(outsider.Received())}
	before := n.a.rows()
	for _, raw := range bad {
		for _, channel := range []string{forA, forB} {
			if k, err := redis.Publish(n.Context(), channel, raw).Result(); err != nil || k != 2 { // the node and our tap
				n.Fatalf("published to %d: %v", k, err)
			}
		}
	}
	began := time.Now()
	settle(n.a, c, chatID, vendor) // published after it all, in the same channel
	took := time.Since(began)
	settle(n.b, vendor, chatID, c)
	for who, mark := range marks {
		messages := 0
		for _, r := range who.Received()[mark:] {
			switch {
			case contains(string(r.Arg()), "forged", "overheard"), r.Event == "typing":
				n.Errorf("%s was sent: %.300s", r.Event, r.Arg())
			case r.Event == "receiveMessage":
				messages++
			}
		}
		if want := map[bool]int{true: 0, false: 1}[who == outsider]; messages != want {
			n.Errorf("%d messages arrived, %d were written", messages, want)
		}
	}
	if after := n.a.rows(); strings.ReplaceAll(after, "messages", "") == "" || !sameBut(before, after, "messages", 2) {
		n.Errorf("rows: %s, then %s", before, after)
	}
	return fmt.Sprintf("%d forged, repeated, foreign, broken and 10 MB messages on both nodes' channels: ignored; the next genuine one arrives after %s", len(bad), took.Round(time.Millisecond))
}

// sameBut reports whether two counts of rows differ by more rows of one table alone.
func sameBut(before, after, table string, more int) bool {
	var was int
	rest := strings.Split(before, ", ")
	for i, part := range rest {
		if _, err := fmt.Sscanf(part, table+" %d", &was); err == nil {
			rest[i] = fmt.Sprintf("%s %d", table, was+more)
		}
	}
	return strings.Join(rest, ", ") == after
}
