package security

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"chaffer/internal/realtime/siotest"
)

const oversized = 70_000 // bytes; a payload may have 64 KB

// mistaken tries an operation, as its owner, with every mistake its payload can have: each is told in
// the contract's own form, nobody else hears of it, and nothing is stored.
func (w *world) mistaken(o operationOf, victims []string) []string {
	w.Helper()
	others := slices.DeleteFunc(slices.Clone(victims), func(name string) bool { return name == "owner" })
	before := w.state()
	tried := 0
	if o.route() {
		tried = w.mistakenRoute(o)
	} else {
		tried = w.mistakenEvent(o)
	}
	if after := w.state(); after != before {
		w.Errorf("something was stored:\n%s", changed(before, after))
	}
	w.quiet(others)
	return []string{fmt.Sprintf("%d refused", tried)}
}

// wholes are payloads that are wrong as a whole.
var wholes = []string{`null`, `[]`, `[{}]`, `"text"`, `""`, `1`, `true`, `{}`}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

// fields are bodies with one field missing or of a wrong kind, at any depth.
func fields(o operationOf, body string) []string {
	var whole any
	if body == "" || json.Unmarshal([]byte(body), &whole) != nil {
		return nil
	}
	object, ok := whole.(map[string]any)
	if !ok {
		return nil
	}
	var out []string
	spoil(o, object, func() {
		b, _ := json.Marshal(object)
		out = append(out, string(b))
	})
	return out
}

func spoil(o operationOf, object map[string]any, use func()) {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		right := object[key]
		wrong := []any{map[string]any{"$ne": nil}, 1.5, -1, 1e300}
		optional := slices.Contains(strings.Fields(o.optional), key)
		if !optional {
			wrong = append(wrong, nil)
		}
		switch right := right.(type) {
		case string:
			wrong = append(wrong, []any{"x"}, true)
			if !optional {
				wrong = append(wrong, "", "\x00", strings.Repeat("x", 5000))
			}
		case []any:
			wrong = append(wrong, "x", true, []any{map[string]any{}}, []any{[]any{}}, []any{"\x00"}, []any{""})
		case bool:
			wrong = append(wrong, "true", []any{})
		case float64:
			wrong = append(wrong, "x", []any{}, true, 0)
		case map[string]any:
			wrong = append(wrong, "x", []any{}, true)
			spoil(o, right, use)
		}
		if key == "Partner" { // what a client says of the other one is not looked at
			continue
		}
		for _, value := range wrong {
			object[key] = value
			use()
		}
		if !optional {
			delete(object, key)
			use()
		}
		object[key] = right
	}
}

func (w *world) mistakenEvent(o operationOf) int {
	w.Helper()
	owner, body := w.people["owner"], w.fill(o.body, w.scene)
	payloads := slices.Concat(wholes, fields(o, body), []string{
		body + "," + body + "," + body, body + "," + body, // acknowledgements apart, an event has one payload
	})
	for _, payload := range payloads {
		if o.body == "{}" && (payload == "null" || payload == "{}") {
			continue // an event without fields asks for nothing
		}
		if out := w.emit(owner, o, payload); out.ok {
			w.Errorf("%.200s is accepted: %s", payload, out.body)
		}
	}
	c, nsp := w.socket(owner, o.dialect), namespaceOf(o.dialect)
	if o.body != "{}" { // no payload at all
		b, err := c.TryEmitAck(nsp, o.name, nil, siotest.Timeout)
		if err != nil || !strings.Contains(string(b), `"success":false`) {
			w.Errorf("without a payload: %s %v", b, err)
		}
	}
	for _, huge := range []string{fmt.Sprintf("%q", strings.Repeat("x", oversized)), nested(17), nested(9000)} {
		// Too much for the parser: an answer that is a refusal, or the end of the connection.
		spare := w.dialTo(o.dialect)
		if _, err := spare.TryConnect(nsp, owner.credentials(o.dialect)); err != nil {
			w.Fatal(err)
		}
		if b, err := spare.TryEmitAck(nsp, o.name, json.RawMessage(huge), siotest.Timeout); err == nil && !strings.Contains(string(b), `"success":false`) {
			w.Errorf("%.20s… is answered %s", huge, b)
		} else if err != nil && spare.Err() == nil {
			w.Errorf("%.20s… is not answered: %v", huge, err)
		}
		spare.Close()
	}
	return len(payloads) + 4
}

func (w *world) mistakenRoute(o operationOf) int {
	w.Helper()
	method, pattern, _ := strings.Cut(o.name, " ")
	owner, tried := w.people["owner"], 0
	refused := func(path, body string, headers ...string) {
		w.Helper()
		a := w.ask(owner, method, path, body, headers...)
		out := outcome{a.status < 300, a.status, a.body}
		if out.ok {
			w.Errorf("%s %.200s is accepted: %d %s", path, body, a.status, a.body)
		}
		w.formOfRoute(o, out)
		tried++
	}
	path := w.fill(o.path, w.scene)
	if at := strings.Index(pattern, "{id}"); at >= 0 {
		for _, id := range []string{"%00", "%ff", "-1", "0", "x", "9223372036854775808", "1%20or%201", "%27;--", strings.Repeat("x", 5000)} {
			rest := strings.TrimPrefix(pattern[at:], "{id}")
			refused(pattern[:at]+id+rest, w.fill(o.body, w.scene))
		}
	}
	if o.form {
		for _, kind := range []string{"application/json", "multipart/form-data", "multipart/form-data; boundary=x"} {
			refused(path, `{"file":"x"}`, "Content-Type", kind)
		}
	}
	if o.body == "" {
		if method == "GET" && o.names == aChat && o.dialect == "messaging" && strings.Contains(o.path, "limit") {
			for _, query := range []string{"limit=-1", "limit=x", "limit=1.5", "skip=-1", "skip=x", "before=x", "limit=99999999999999999999"} {
				refused(strings.SplitN(path, "?", 2)[0]+"?"+query, "")
			}
		}
		return tried
	}
	body := w.fill(o.body, w.scene)
	for _, wrong := range slices.Concat(wholes, fields(o, body), []string{"", "{", body + body, nested(17), nested(9000), "\xff", fmt.Sprintf(`{"x":%q}`, strings.Repeat("x", oversized))}) {
		refused(path, wrong)
	}
	refused(path, body, "Content-Type", "text/plain")
	return tried
}
