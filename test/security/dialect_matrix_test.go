package security

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/realtime/siotest"
	"chaffer/internal/upload/picture/picturetest"
)

var pixel = picturetest.PNG(picturetest.Drawing(2, 2))

// outsiders are in neither of the owner's chats, each for another reason.
var outsiders = []string{
	"other member", "other customer", "other vendor", "customer of the owner's number", "vendor of the owner's number", "removed",
}

// outcome is what came of one operation.
type outcome struct {
	ok     bool
	status int // of a route; 0 for an event
	body   []byte
}

// try runs an operation on a scene and holds the answer to the form of its contract.
func (w *world) try(who *actor, o operationOf, s scene) outcome {
	w.Helper()
	if o.route() {
		method, _, _ := strings.Cut(o.name, " ")
		body, headers := w.fill(o.body, s), []string(nil)
		if o.form {
			text, kind := pictureForm()
			body, headers = text, []string{"Content-Type", kind}
		}
		a := w.ask(who, method, w.fill(o.path, s), body, headers...)
		out := outcome{a.status < 300, a.status, a.body}
		w.formOfRoute(o, out)
		return out
	}
	return w.emit(who, o, w.fill(o.body, s))
}

// emit sends an event and asks for an acknowledgement. A failure is an error event as well.
func (w *world) emit(who *actor, o operationOf, payload string) outcome {
	w.Helper()
	c, nsp := w.socket(who, o.dialect), namespaceOf(o.dialect)
	b, err := c.TryEmitAck(nsp, o.name, json.RawMessage(payload), siotest.Timeout)
	if err != nil {
		w.Fatalf("%s %.200s of %s is not acknowledged: %v", o.name, payload, who.name, err)
	}
	w.clean(b)
	var ack struct {
		Success        bool
		Error, Message json.RawMessage
	}
	if err := json.Unmarshal(b, &ack); err != nil {
		w.Errorf("%s %.200s of %s is acknowledged with %s", o.name, payload, who.name, b)
	}
	if !ack.Success {
		var told struct{ Message string }
		event, err := c.TryExpect(nsp, "error", siotest.Timeout)
		if err != nil {
			w.Fatalf("%s %.200s of %s fails without an error event: %v", o.name, payload, who.name, err)
		}
		if json.Unmarshal(event, &told); told.Message == "" || len(ack.Error) == 0 {
			w.Errorf("%s %.200s of %s: error %s, acknowledged with %s", o.name, payload, who.name, event, b)
		}
	}
	return outcome{ok: ack.Success, body: b}
}

// formOfRoute fails unless a refusal has the form of the contract.
func (w *world) formOfRoute(o operationOf, out outcome) {
	w.Helper()
	if out.ok {
		return
	}
	if out.status >= 500 {
		w.Errorf("%s %s: %d %s", o.dialect, o.name, out.status, out.body)
	}
	var m map[string]any
	_ = json.Unmarshal(out.body, &m)
	message, _ := m["message"].(string)
	good := message != ""
	switch o.dialect {
	case "nestchat":
		good = good && m["statusCode"] == float64(out.status) && m["error"] != nil
	case "messaging":
		good = good && m["statusCode"] == float64(out.status)
	default:
		good = good && m["success"] == false
	}
	if !good {
		w.Errorf("%s %s: a refusal in no form of this contract: %d %s", o.dialect, o.name, out.status, out.body)
	}
}

// TestDialectsAttacked tries every event and every route of every contract as everybody, and with
// every mistake a payload can have.
func TestDialectsAttacked(t *testing.T) {
	lines := map[string][]string{}
	dbtest.Each(t, func(t *testing.T, url string) {
		w := newWorld(t, url)
		victims := []string{"owner", "peer", "third", "blocker"}
		for _, name := range victims {
			for _, contract := range []string{"messaging", "nestchat", "expresschat"} {
				w.socket(w.people[name], contract)
			}
		}
		rows := func(phase string, run func(o operationOf) []string) {
			for _, o := range operationsOf {
				t.Run(phase+" "+o.dialect+" "+o.name, func(t *testing.T) {
					w.site.T = t
					name := o.dialect + " " + o.name
					lines[name] = append(lines[name], run(o)...)
				})
			}
		}
		clear(lines)
		w.quiet(victims)
		rows("outside", func(o operationOf) []string { return w.outside(o, victims) })
		rows("mistakes in", func(o operationOf) []string { return w.mistaken(o, victims) })
		rows("inside", w.inside)
		w.site.T = t
		for _, name := range outsiders {
			for _, event := range w.heard(name) {
				if strings.Contains(event, canary) {
					w.Errorf("%s heard %s", name, event)
				}
			}
		}
		w.quietLog()
		report(t, "T45", "every event and route of the four other contracts", columnOf(url), fmt.Sprintf("%d operations × everybody, and every mistake: the table below", len(operationsOf)))
	})
	var b strings.Builder
	fmt.Fprintf(&b, "\n| | anonymous | admin | outsiders (%d) | blocked | mistakes | peer | owner |\n|---|---|---|---|---|---|---|---|\n", len(outsiders))
	for _, o := range operationsOf {
		fmt.Fprintf(&b, "| %s `%s` | %s |\n", o.dialect, o.name, strings.Join(lines[o.dialect+" "+o.name], " | "))
	}
	t.Log(b.String())
	if !t.Failed() {
		section("The four other contracts", b.String())
	}
}

// outside tries one operation as everybody who is not to have it and returns what was seen:
// anonymous, admin, outsiders, blocked.
func (w *world) outside(o operationOf, victims []string) []string {
	w.Helper()
	before := w.state()
	seen := []string{w.shutOut(w.people["anonymous"], o, 401), w.shutOut(w.people["admin"], o, 403)}
	same := ""
	for _, name := range outsiders {
		s := w.scene
		if name == "removed" {
			s = w.gone
		}
		out := w.try(w.people[name], o, s)
		switch o.names {
		case openly:
		case oneself:
			if !out.ok {
				w.Errorf("%s may: %d %s", name, out.status, out.body)
			}
		default:
			if out.ok || out.status != 0 && out.status != 404 {
				w.Errorf("%s is answered %d %s", name, out.status, out.body)
			}
			if same != "" && same != string(out.body) {
				w.Errorf("%s is answered %s, others %s", name, out.body, same)
			}
			same = string(out.body)
		}
		if bytes.Contains(out.body, []byte(canary)) {
			w.Errorf("%s is shown %s", name, out.body)
		}
	}
	seen = append(seen, word(o, "refused"))
	if o.names == aChat || o.names == aGroup {
		if after := w.state(); after != before {
			w.Errorf("something was stored:\n%s", changed(before, after))
		}
	}
	w.quiet(victims)
	return append(seen, w.blocked(o))
}

// inside are the two on a fresh scene: the guard must not keep them out.
func (w *world) inside(o operationOf) []string {
	w.Helper()
	return []string{w.insider(o, "peer", o.peer), w.insider(o, "owner", true)}
}

func word(o operationOf, refused string) string {
	switch o.names {
	case openly:
		return "as anybody"
	case oneself:
		return "their own only"
	}
	return refused
}

// shutOut is somebody without a side in any chat: no route answers them and no socket is let in.
func (w *world) shutOut(who *actor, o operationOf, status int) string {
	w.Helper()
	if o.route() {
		out := w.try(who, o, w.scene)
		if o.names == openly {
			return word(o, "")
		}
		if out.status != status {
			w.Errorf("%s is answered %d %s", who.name, out.status, out.body)
		}
		return fmt.Sprint(status)
	}
	c, nsp := w.dialTo(o.dialect), namespaceOf(o.dialect)
	defer c.Close()
	if _, err := c.TryConnect(nsp, who.credentials(o.dialect)); err != nil {
		w.Errorf("%s: expected to be let in and refused there, got %v", who.name, err)
		return "refused"
	}
	c.Emit(nsp, o.name, json.RawMessage(w.fill(o.body, w.scene)))
	err := c.Wait(siotest.Timeout, func(all []siotest.Received) bool {
		return len(all) > 0 && all[len(all)-1].Kind == siotest.KindDisconnect
	})
	if err != nil {
		w.Errorf("%s was not disconnected: %v", who.name, err)
	}
	if events := c.Events(nsp); len(events) != 1 || !slices.Contains([]string{"error", "auth-failure"}, events[0]) {
		w.Errorf("%s was sent %v", who.name, events)
	}
	return "cut"
}

// blocked is the customer whom the vendor has blocked, in the chat of the two.
func (w *world) blocked(o operationOf) string {
	w.Helper()
	if o.names != aChat || !o.sends && o.name != "typing" {
		return "as anybody" // in a group everybody reads what everybody writes
	}
	out := w.try(w.people["blocked"], o, w.barred)
	if o.sends && (out.ok || out.status != 0 && out.status != 403) {
		w.Errorf("who is blocked writes: %d %s", out.status, out.body)
	}
	w.quiet([]string{"blocker"})
	if o.sends {
		return "refused"
	}
	return "nobody hears"
}

func (w *world) insider(o operationOf, name string, may bool) string {
	w.Helper()
	if o.names == openly {
		return word(o, "")
	}
	s := w.scene
	if o.names != oneself {
		s = w.stage("owner", "peer", "third")
	}
	out := w.try(w.people[name], o, s)
	if o.names == oneself {
		may = true
	}
	if out.ok != may || out.status == 404 {
		w.Errorf("%s: %d %s", name, out.status, out.body)
	}
	if may {
		return "yes"
	}
	if out.status != 0 {
		return fmt.Sprint(out.status)
	}
	return "refused"
}

// quietLog fails when something broke inside.
func (w *world) quietLog() {
	w.Helper()
	journal := w.journal.String()
	for _, bad := range []string{secret, "level=ERROR", "panic", "status=500", "eyJhbGciOi", canary} {
		if i := strings.Index(journal, bad); i >= 0 {
			w.Errorf("the log has %q: …%.400s", bad, journal[max(0, i-200):])
		}
	}
}
