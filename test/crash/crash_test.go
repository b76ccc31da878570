// Package crash kills the server under load, again and again, and holds it to what it promised:
// what was acknowledged is there, once, in order, without a gap, and reaches the other side.
package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/db/dbtest/pgserver"
	"chaffer/internal/models"
	"chaffer/internal/realtime/siotest"
)

// TestKillUnderLoad: CRASH_ROUNDS kills (6) at moments drawn from CRASH_SEED (printed).
func TestKillUnderLoad(t *testing.T) {
	rounds, seed := number(t, "CRASH_ROUNDS", 6), number(t, "CRASH_SEED", int(time.Now().UnixNano()&0xffffff))
	t.Logf("CRASH_SEED=%d", seed)
	durablePostgres(t)
	dbtest.Each(t, func(t *testing.T, url string) {
		n := newNode(t, url)
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		senders, witnesses := cast()
		quitSending, quitListening := make(chan struct{}), make(chan struct{})
		var sending, listening sync.WaitGroup
		for _, w := range witnesses {
			listening.Go(func() { w.run(t, n, quitListening) })
		}
		for _, s := range senders {
			sending.Go(func() { s.run(t, n, quitSending) })
		}
		for range rounds {
			progress(t, senders)
			time.Sleep(time.Duration(random.IntN(400)) * time.Millisecond) // the moment of the crash, not a wait
			n.kill(t)
			n.start(t)
		}
		progress(t, senders)
		close(quitSending)
		sending.Wait()
		close(quitListening)
		listening.Wait()
		verify(t, n, senders, witnesses)
	})
}

// cast is two vendors and three customers for each, all with numbers that occur on both sides.
func cast() (senders []*sender, witnesses []*witness) {
	for v := 1; v <= 2; v++ {
		vendor := strconv.Itoa(v)
		witnesses = append(witnesses, &witness{who: models.UserRef{Type: models.TypeVendor, ID: vendor}, got: map[string]map[int64]message{}})
		for c := 1; c <= 3; c++ {
			senders = append(senders, &sender{
				who: models.UserRef{Type: models.TypeCustomer, ID: strconv.Itoa(10*v + c)}, vendor: vendor,
				results: map[string]acked{}, texts: map[string]string{},
			})
		}
	}
	return senders, witnesses
}

// progress waits until every sender has had acknowledgements since now.
func progress(t *testing.T, senders []*sender) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for _, s := range senders {
		for goal := s.acknowledged() + inFlight; s.acknowledged() < goal; time.Sleep(5 * time.Millisecond) {
			if t.Failed() {
				t.FailNow()
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s got no acknowledgement for 30 s", s.who)
			}
		}
	}
}

func verify(t *testing.T, n *node, senders []*sender, witnesses []*witness) {
	last := map[string]map[string]int64{} // by vendor and chat
	total, retries := 0, 0
	for _, s := range senders {
		total, retries = total+len(s.results), retries+s.retries
		chat, stored := history(t, n, s)
		if last[s.vendor] == nil {
			last[s.vendor] = map[string]int64{}
		}
		last[s.vendor][chat] = int64(len(stored))
		byKey := map[string]message{}
		for i, m := range stored {
			if m.Seq != int64(i+1) {
				t.Fatalf("%s: place %d of the history has seq %d: a gap", s.who, i+1, m.Seq)
			}
			if other, twice := byKey[m.ClientMessageID]; twice {
				t.Errorf("%s: key %s is stored at %d and at %d", s.who, m.ClientMessageID, other.Seq, m.Seq)
			}
			byKey[m.ClientMessageID] = m
			if m.Text != s.texts[m.ClientMessageID] {
				t.Errorf("%s: seq %d holds %q, which was never sent under key %q", s.who, m.Seq, m.Text, m.ClientMessageID)
			}
		}
		if len(stored) != len(s.results) {
			t.Errorf("%s: %d messages are stored, %d were acknowledged", s.who, len(stored), len(s.results))
		}
		for key, a := range s.results {
			if byKey[key] != a.message {
				t.Errorf("%s: %s was acknowledged as %+v and is stored as %+v", s.who, key, a.message, byKey[key])
			}
			if a.Seq <= a.after {
				t.Errorf("%s: %s got seq %d, though %d was acknowledged before it was sent", s.who, key, a.Seq, a.after)
			}
		}
	}
	for _, w := range witnesses {
		w.once(t, n, last[w.who.ID])
		if w.rounds < 2 {
			t.Errorf("%s was connected %d times: the crashes did not reach it", w.who, w.rounds)
		}
	}
	t.Logf("%d messages acknowledged, %d retries, 0 lost unless said above", total, retries)
}

// history reads a sender's one chat through resume, page after page, from the beginning.
func history(t *testing.T, n *node, s *sender) (chat string, all []message) {
	t.Helper()
	c := connect(t, n, s.who, nil)
	if c == nil {
		t.FailNow()
	}
	defer c.Close()
	for _, a := range s.results {
		chat = a.ChatID
		break
	}
	for {
		body := c.EmitAck("/chat", "resume", map[string]any{"positions": map[string]any{chat: map[string]any{"seq": len(all)}}}, siotest.Timeout)
		var page struct {
			Data []struct {
				ChatID   string
				Messages []message
				HasMore  bool
			}
		}
		if err := json.Unmarshal(body, &page); err != nil || len(page.Data) != 1 || page.Data[0].ChatID != chat {
			t.Fatalf("%s: resume answered %.300s", s.who, body)
		}
		all = append(all, page.Data[0].Messages...)
		if !page.Data[0].HasMore {
			return chat, all
		}
		if len(page.Data[0].Messages) == 0 {
			t.Fatalf("%s: an empty page with more behind it", s.who)
		}
	}
}

// durablePostgres makes sure that the Postgres of this test flushes as in production.
func durablePostgres(t *testing.T) {
	t.Helper()
	if os.Getenv("TEST_POSTGRES_URL") == "" {
		s, err := pgserver.Start(t.Context(), pgserver.Options{Durable: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Stop() })
		t.Setenv("TEST_POSTGRES_URL", s.URL)
	}
	conn, err := pgx.Connect(t.Context(), os.Getenv("TEST_POSTGRES_URL"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	for _, name := range []string{"fsync", "synchronous_commit"} {
		var value string
		if err := conn.QueryRow(t.Context(), "SHOW "+name).Scan(&value); err != nil || value != "on" {
			t.Fatalf("%s is %q (%v): this test says nothing on a Postgres that does not flush", name, value, err)
		}
	}
}

func number(t *testing.T, variable string, otherwise int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", variable, err))
	}
	return n
}
