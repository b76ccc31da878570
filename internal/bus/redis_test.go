package bus

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/presence"
	"chaffer/internal/redis"
	"chaffer/internal/redis/redistest"
	"chaffer/internal/wire"
)

const patience = 20 * time.Second // for what ought to take a second

var (
	john  = models.UserRef{Type: models.TypeCustomer, ID: "2"}
	haven = models.UserRef{Type: models.TypeVendor, ID: "2"}
)

// post is one node with nothing but presence and the bus.
type post struct {
	*Redis
	name    string
	people  *presence.Redis
	arrived chan string // bodies of the kind "note"
}

func newPost(t *testing.T, url string) *post {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	client, err := redis.Open(url, log)
	if err != nil {
		t.Fatal(err)
	}
	p := &post{name: client.Node(), people: presence.NewRedis(client, time.Minute, 0, log), arrived: make(chan string, 100)}
	p.Redis = NewRedis(client, p.people, ours.key, log)
	p.Handle("note", func(body json.RawMessage) error {
		var s string
		if err := wire.Strict(body, &s); err != nil {
			return err
		}
		p.arrived <- s
		return nil
	})
	p.Handle("fright", func(json.RawMessage) error { panic("a handler's") })
	p.Start()
	t.Cleanup(func() {
		p.people.Close()
		p.Close()
		_ = client.Close()
	})
	return p
}

// enter lets somebody be on this node.
func (p *post) enter(t *testing.T, u models.UserRef) {
	t.Helper()
	if err := p.people.Add(t.Context(), u, "socket"); err != nil {
		t.Fatal(err)
	}
}

func (p *post) expect(t *testing.T, want string) {
	t.Helper()
	select {
	case got := <-p.arrived:
		if got != want {
			t.Fatalf("expected %q to arrive, got %q", want, got)
		}
	case <-time.After(patience):
		t.Fatalf("%q did not arrive; %+v", want, p.Stats())
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it did not come true that %s", what)
		}
	}
}

func TestNewsGoWhereTheirPeopleAre(t *testing.T) {
	url := redistest.Start(t).URL
	a, b, c := newPost(t, url), newPost(t, url), newPost(t, url)
	eventually(t, "all hear", func() bool { return a.Complete() && b.Complete() && c.Complete() })
	b.enter(t, john)
	c.enter(t, haven)
	a.Publish("note", []models.UserRef{john}, "for John")
	b.expect(t, "for John")
	a.Publish("note", []models.UserRef{haven, john}, "for both")
	b.expect(t, "for both")
	c.expect(t, "for both") // and nothing before it
	a.Publish("note", []models.UserRef{{Type: models.TypeVendor, ID: "999"}}, "for nobody")
	b.Publish("note", []models.UserRef{john}, "for those who are here")
	a.Publish("note", []models.UserRef{john, john}, "last") // named twice, told once
	b.expect(t, "last")
	a.Publish("note", []models.UserRef{john}, "very last")
	b.expect(t, "very last")
	eventually(t, "all are counted", func() bool { return a.Stats().Published == 5 && b.Stats().Received == 4 && c.Stats().Received == 1 })
	if a.Stats().Dropped+b.Stats().Refused+c.Stats().Refused != 0 {
		t.Errorf("%+v, %+v, %+v", a.Stats(), b.Stats(), c.Stats())
	}
}

// Who can write to Redis can neither speak for a node, nor say again what one said, nor say it to
// another, nor drown one.
func TestWhatStrangersPublishIsRefused(t *testing.T) {
	s := redistest.Start(t)
	a, b := newPost(t, s.URL), newPost(t, s.URL)
	stranger := s.Client()
	defer stranger.Close()
	tap := stranger.Subscribe(t.Context(), channel(b.name))
	defer tap.Close()
	if _, err := tap.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both hear", func() bool { return a.Complete() && b.Complete() })
	b.enter(t, john)
	a.enter(t, haven)
	a.Publish("note", []models.UserRef{john}, "genuine")
	b.expect(t, "genuine")
	m, err := tap.ReceiveMessage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UnixMilli()
	write := func(s sealer, change func(*envelope)) string {
		return string(sealed(t, s, letter(func(e *envelope) {
			e.From, e.To, e.At, e.News = a.name, b.name, now, []item{{"note", json.RawMessage(`"forged"`)}}
			change(e)
		})))
	}
	bad := []string{
		m.Payload, strings.ToUpper(m.Payload[:sealSize]) + m.Payload[sealSize:], // again, in either spelling
		strings.Replace(m.Payload, "genuine", "changed", 1), m.Payload + " ", m.Payload[1:],
		write(sealer{key("the secret of somebody else")}, func(e *envelope) { e.ID = "stranger" }),
		write(ours, func(e *envelope) { e.ID, e.At = "old", now-60_000 }),
		write(ours, func(e *envelope) { e.ID, e.To = "other", a.name }),
		write(ours, func(e *envelope) { e.ID, e.From = "self", b.name }),
		write(ours, func(e *envelope) { e.ID, e.News[0].Kind = "kind", "no such kind" }),
		write(ours, func(e *envelope) { e.ID, e.News[0].Body = "form", json.RawMessage(`{"not":"a text"}`) }),
		write(ours, func(e *envelope) { e.ID, e.News[0].Kind = "panic", "fright" }),
		"\xc0", "", "{}", strings.Repeat("A", 2<<20), strings.Repeat("0", sealSize) + ".{}",
	}
	for _, raw := range bad {
		if n, err := stranger.Publish(t.Context(), channel(b.name), raw).Result(); err != nil || n != 2 { // b, and our tap
			t.Fatalf("published to %d: %v", n, err)
		}
	}
	if n, err := stranger.Publish(t.Context(), channel(a.name), m.Payload).Result(); err != nil || n != 1 {
		t.Fatalf("published to %d: %v", n, err)
	}
	eventually(t, "all of it is refused", func() bool { return b.Stats().Refused == uint64(len(bad)) && a.Stats().Refused == 1 })
	a.Publish("note", []models.UserRef{john}, "still there")
	b.expect(t, "still there")
	b.Publish("note", []models.UserRef{haven}, "and back")
	a.expect(t, "and back")
	eventually(t, "the genuine ones are counted, and nothing else", func() bool { return b.Stats().Received == 2 && b.Stats().Refused == uint64(len(bad)) })
}

// A publisher never waits and never piles up, however long Redis does.
func TestTheQueueIsBounded(t *testing.T) {
	s := redistest.Start(t)
	a, b := newPost(t, s.URL), newPost(t, s.URL)
	eventually(t, "both hear", func() bool { return a.Complete() && b.Complete() })
	b.enter(t, john)
	s.Freeze()
	const all = 3 * queueSize
	began := time.Now()
	for range all {
		a.Publish("note", []models.UserRef{john}, "x")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("publishing took %s while Redis hung", took)
	}
	if n := len(a.queue); n > queueSize {
		t.Errorf("%d wait", n)
	}
	if a.Stats().Dropped < all-queueSize-2*maxBatch { // some waits, some is on its way
		t.Errorf("%+v", a.Stats())
	}
	eventually(t, "every one is sent or counted as lost", func() bool { return a.Stats().Published+a.Stats().Dropped >= all })
	s.Thaw()
	go func() { // who reads, so that b's handler does not wait
		for range b.arrived {
		}
	}()
	eventually(t, "they hear again", func() bool { return a.Complete() && b.Complete() })
	before := a.Stats().Published
	a.Publish("note", []models.UserRef{john}, "after")
	eventually(t, "news are sent again", func() bool { return a.Stats().Published > before })
}

// What is published while Redis hangs for a moment arrives when it goes on, in order, each once; what
// is published together travels in few envelopes, none too large.
func TestAShortSilenceLosesNothing(t *testing.T) {
	s := redistest.Start(t)
	a, b := newPost(t, s.URL), newPost(t, s.URL)
	tap := s.Client()
	defer tap.Close()
	sub := tap.Subscribe(t.Context(), channel(b.name))
	defer sub.Close()
	if _, err := sub.Receive(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both hear", func() bool { return a.Complete() && b.Complete() })
	b.enter(t, john)
	s.Freeze()
	const all = 100
	long := strings.Repeat("x", 2<<10) // all of them fill four envelopes
	for i := range all {
		a.Publish("note", []models.UserRef{john}, fmt.Sprint(i, long))
	}
	s.Thaw()
	for i := range all {
		b.expect(t, fmt.Sprint(i, long))
	}
	envelopes := 0
	for news := 0; news < all; envelopes++ {
		m, err := sub.ReceiveMessage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		e, err := ours.open([]byte(m.Payload), b.name, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		news += len(e.News)
	}
	if envelopes > 20 {
		t.Errorf("%d envelopes for %d pieces of news", envelopes, all)
	}
	if a.Stats().Published != all || a.Stats().Dropped != 0 || b.Stats().Received != all {
		t.Errorf("%+v, %+v", a.Stats(), b.Stats())
	}
}

func TestASubscriptionComesBack(t *testing.T) {
	s := redistest.Start(t)
	a, b := newPost(t, s.URL), newPost(t, s.URL)
	b.enter(t, john)
	eventually(t, "both hear", func() bool { return a.Complete() && b.Complete() })
	s.Kill()
	eventually(t, "both know that they do not", func() bool { return !a.Complete() && !b.Complete() })
	dropped := a.Stats().Dropped
	a.Publish("note", []models.UserRef{john}, "lost")
	eventually(t, "it is counted as lost", func() bool { return a.Stats().Dropped == dropped+1 })
	s.Run() // as empty as a new one
	eventually(t, "both hear again", func() bool { return a.Complete() && b.Complete() })
	eventually(t, "John is seen again", func() bool {
		where, err := a.people.Where(t.Context(), pubTimeout, []models.UserRef{john})
		return err == nil && len(where[john]) == 1
	})
	a.Publish("note", []models.UserRef{john}, "found")
	b.expect(t, "found")
}

// A node that falls silent without a goodbye may live and only be cut off: then news are not complete.
func TestASilentNodeMakesNewsIncomplete(t *testing.T) {
	s := redistest.Start(t)
	a := newPost(t, s.URL)
	eventually(t, "it hears", a.Complete)
	c := s.Client()
	defer c.Close()
	err := c.Eval(t.Context(), `local t = redis.call('TIME') return redis.call('ZADD', KEYS[1], t[1] * 1000 - 4000, 'silent')`, []string{rollKey}).Err()
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the silence is noticed", func() bool { return !a.Complete() })
	if err := c.ZRem(t.Context(), rollKey, "silent").Err(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "it is complete again", a.Complete)
	if err := c.ZScore(t.Context(), rollKey, a.name).Err(); err != nil {
		t.Errorf("it does not answer the roll: %v", err)
	}
	b := newPost(t, s.URL)
	eventually(t, "the second hears", b.Complete)
	b.roll.leave()
	left, err := c.ZRange(t.Context(), rollKey, 0, -1).Result()
	if err != nil || !slices.Equal(left, []string{a.name}) {
		t.Errorf("after a goodbye the roll has %v: %v", left, err)
	}
}
