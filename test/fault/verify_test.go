package fault

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/anishathalye/porcupine"
)

// row is a stored message.
type row struct {
	chat, id, sender, key, text string
	seq                         int64
}

// verify checks the invariants after the faults: every device connects once more, and the ledger,
// the devices and the database are compared.
func (r *run_) verify(positionsBack int, before sizes) {
	rows, unread := r.read()
	byKey, top := map[string]row{}, map[string]int64{}
	for _, m := range rows {
		if m.seq != top[m.chat]+1 {
			r.fail(4, "chat %s: place %d follows %d", m.chat, m.seq, top[m.chat])
		}
		top[m.chat] = m.seq
		if _, twice := byKey[m.key]; twice {
			r.fail(3, "%s is stored twice", m.key)
		}
		byKey[m.key] = m
		if e := r.ledger.all[m.key]; e == nil || e.sender.String() != m.sender || !e.allows(m.text) {
			r.fail(2, "place %d of chat %s holds what nobody asked for", m.seq, m.chat)
		}
	}
	for _, e := range r.ledger.all {
		m, stored := byKey[e.key]
		if e.ended != 0 && (!stored || m.id != e.id || m.seq != e.seq || m.chat != e.chatID || !e.allows(m.text)) {
			r.fail(1, "%s was acknowledged as place %d and is stored as %+v", e.key, e.seq, m)
		}
	}
	r.checkOrder()
	if unread > 0 {
		r.fail(10, "%d members have another unread counter than their messages say", unread)
	}
	if positionsBack > 0 {
		r.fail(11, "%d positions were seen going back", positionsBack)
	}
	r.once(rows)
	received, repeats := 0, 0
	for _, d := range r.devices {
		received, repeats = received+d.pushed, repeats+d.again+d.behind
		if d.behind > 0 {
			r.fail(8, "%s saw %d places that did not rise within a connection", d.who, d.behind)
		}
		if d.foreign > 0 {
			r.fail(13, "%s received %d texts that are not its own", d.who, d.foreign)
		}
	}
	if repeats*100 > received {
		r.fail(9, "%d of %d messages were pushed again", repeats, received)
	}
	r.quiet(before)
	for _, n := range r.world.nodes {
		n.mu.Lock()
		surprise := n.surprise
		n.mu.Unlock()
		if surprise != "" {
			r.fail(18, "%s", surprise)
		}
		panics, leaks, _ := n.log.seen()
		if panics > 0 {
			r.fail(18, "%s wrote of %d panics", n.name, panics)
		}
		if leaks > 0 {
			r.fail(16, "%s logged %d lines with a token, the secret or a message", n.name, leaks)
		}
		r.must(n.end(syscall.SIGTERM))
	}
}

// allows reports whether a text is what the entry may be stored as.
func (e *entry) allows(text string) bool {
	return text == e.text && e.erased == 0 || text == "" && e.erasing != 0
}

// read reads every message in order, and counts members whose unread counter is wrong.
func (r *run_) read() (rows []row, unread int) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	db, err := r.world.open()
	if err != nil {
		r.t.Fatal(err)
	}
	defer db.Close()
	found, err := db.QueryContext(ctx, `SELECT CAST(chat_id AS text), seq, CAST(id AS text), sender_type || ':' || sender_id, client_message_id,
		CASE WHEN deleted_at IS NULL THEN text ELSE '' END FROM messages ORDER BY chat_id, seq`)
	if err != nil {
		r.t.Fatal(err)
	}
	defer found.Close()
	for found.Next() {
		var m row
		if err := found.Scan(&m.chat, &m.seq, &m.id, &m.sender, &m.key, &m.text); err != nil {
			r.t.Fatal(err)
		}
		rows = append(rows, m)
	}
	err = db.QueryRowContext(ctx, `SELECT count(*) FROM members m WHERE unread <> (SELECT count(*) FROM messages x WHERE x.chat_id = m.chat_id
		AND x.seq > m.read_seq AND x.deleted_at IS NULL AND NOT (x.sender_type = m.user_type AND x.sender_id = m.user_id))`).Scan(&unread)
	if err != nil {
		r.t.Fatal(err)
	}
	return rows, unread
}

// checkOrder: for every chat there is an order of the acknowledged sends, each somewhere between
// its call and its acknowledgement, in which they got the places 1, 2, 3.
func (r *run_) checkOrder() {
	model := porcupine.Model{
		Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
			byChat := map[string][]porcupine.Operation{}
			for _, op := range history {
				chat := op.Input.(string)
				byChat[chat] = append(byChat[chat], op)
			}
			var out [][]porcupine.Operation
			for _, ops := range byChat {
				out = append(out, ops)
			}
			return out
		},
		Init:  func() any { return int64(0) },
		Step:  func(state, _, output any) (bool, any) { return output.(int64) == state.(int64)+1, output },
		Equal: func(a, b any) bool { return a == b },
	}
	var history []porcupine.Operation
	for _, e := range r.ledger.all {
		if e.ended != 0 {
			history = append(history, porcupine.Operation{ClientId: 0, Input: e.chatID, Call: e.began, Output: e.seq, Return: e.ended})
		}
	}
	switch porcupine.CheckOperationsTimeout(model, history, time.Minute) {
	case porcupine.Illegal:
		r.fail(5, "acknowledged sends have places that no order explains")
	case porcupine.Unknown:
		r.fail(5, "the order could not be decided within a minute")
	}
}

// once connects every device a last time and compares what it has with what is stored.
func (r *run_) once(rows []row) {
	var wg sync.WaitGroup
	gate := make(chan struct{}, 16)
	for _, d := range r.devices {
		if d.witness != nil {
			continue
		}
		wg.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			for try := 0; ; try++ {
				if s, err := d.connect(d.home); err == nil {
					s.close()
					<-s.done
					return
				}
				if try == 20 {
					r.fail(7, "%s could not connect any more", d.who)
					return
				}
				time.Sleep(100 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	byChat, names := map[string][]row{}, map[string]string{}
	for _, m := range rows {
		byChat[m.chat] = append(byChat[m.chat], m)
		if e := r.ledger.all[m.key]; e != nil {
			names[m.chat] = e.chat
		}
	}
	for _, d := range r.devices {
		missing := r.missing(d, byChat, names)
		for deadline := time.Now().Add(30 * time.Second); missing > 0 && d.witness != nil && time.Now().Before(deadline); missing = r.missing(d, byChat, names) {
			time.Sleep(50 * time.Millisecond) // it comes back by itself
		}
		if missing > 0 {
			r.fail(7, "%s (home %d) lacks %d messages", d.who, d.home, missing)
		}
	}
	for _, d := range r.devices {
		if d.witness != nil {
			d.witness.in.Close()
		}
	}
}

// missing counts what is stored in a device's chats and not on it.
func (r *run_) missing(d *device, byChat map[string][]row, names map[string]string) (missing int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for chat, rows := range byChat {
		if !d.chats[names[chat]] {
			continue
		}
		have := d.line(chat).texts
		for _, m := range rows {
			e := r.ledger.all[m.key]
			ok := int64(len(have)) >= m.seq && (have[m.seq-1] == mark(m.text) || e != nil && e.erasing != 0 && have[m.seq-1] == mark(e.text))
			if !ok {
				missing++
			}
		}
	}
	return missing
}

// watchPositions looks at everybody's positions while faults go on; the function it returns ends
// it and tells how often one went back.
func (r *run_) watchPositions() func() int {
	stop, back := make(chan struct{}), make(chan int, 1)
	go func() {
		type place struct{ delivered, read int64 }
		seen, count := map[string]place{}, 0
		for {
			select {
			case <-stop:
				back <- count
				return
			case <-time.After(500 * time.Millisecond):
			}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			db, err := r.world.open()
			if err == nil {
				rows, err := db.QueryContext(ctx, `SELECT CAST(chat_id AS text) || user_type || user_id, delivered_seq, read_seq FROM members`)
				for err == nil && rows.Next() {
					var key string
					var p place
					if rows.Scan(&key, &p.delivered, &p.read) == nil {
						if p.delivered < seen[key].delivered || p.read < seen[key].read {
							count++
						}
						seen[key] = p
					}
				}
				if rows != nil {
					_ = rows.Close()
				}
				_ = db.Close()
			}
			cancel()
		}
	}()
	return func() int { close(stop); return <-back }
}

// sizes are what must not grow.
type sizes struct{ goroutines, descriptors, keys int }

func (r *run_) sizes() (s sizes) {
	for _, n := range r.world.nodes {
		s.goroutines = max(s.goroutines, figure(n.metrics, "go_goroutines"))
		s.descriptors = max(s.descriptors, figure(n.metrics, "process_open_fds"))
	}
	if r.world.redis == nil {
		return s
	}
	c := r.world.redis.Client()
	defer c.Close()
	online, _ := c.Keys(context.Background(), "chaffer:online:*").Result()
	people, _ := c.Keys(context.Background(), "chaffer:presence:*").Result()
	s.keys = len(online) + len(people)
	return s
}

// quiet waits until nobody counts as online any more, 30 s at the most, and compares sizes.
func (r *run_) quiet(before sizes) {
	var now sizes
	began := time.Now()
	for deadline := began.Add(32 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		now = r.sizes()
		if now.keys == 0 && now.goroutines < 100 {
			return
		}
	}
	if now.keys > 0 {
		r.fail(14, "%d keys of presence are left 30 s after the last socket", now.keys)
	}
	if now.goroutines >= max(100, before.goroutines/2) {
		r.fail(15, "%d goroutines are left after everybody has gone, of %d", now.goroutines, before.goroutines)
	}
}

func figure(url, name string) int {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	m := regexp.MustCompile(`(?m)^` + name + ` (\S+)`).FindSubmatch(b)
	if m == nil {
		return 0
	}
	v, _ := strconv.ParseFloat(string(m[1]), 64)
	return int(v)
}
