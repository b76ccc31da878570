package bus

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

var (
	noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	ours = sealer{key("the secret of the tests of the bus")}
)

func key(secret string) []byte {
	k, err := Key(secret)
	if err != nil {
		panic(err)
	}
	return k
}

// letter is an envelope that node "here" believes at noon.
func letter(change func(*envelope)) envelope {
	e := envelope{V: version, ID: "1", From: "there", To: "here", At: noon.UnixMilli(), News: []item{{"k", json.RawMessage(`{"a":1}`)}}}
	if change != nil {
		change(&e)
	}
	return e
}

func sealed(tb testing.TB, s sealer, e envelope) []byte {
	tb.Helper()
	b, err := s.seal(e)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestASealedEnvelopeIsOpenedAsItWas(t *testing.T) {
	for name, body := range map[string]string{
		"an object": `{"a":1}`, "markup": `{"text":"<b>&\u2028"}`, "nothing": `null`, "the largest": `"` + strings.Repeat("a", maxEnvelope-300) + `"`,
	} {
		want := letter(func(e *envelope) { e.News[0].Body = json.RawMessage(body) })
		got, err := ours.open(sealed(t, ours, want), "here", noon)
		if err != nil || len(got.News) != 1 || string(got.News[0].Body) != body || got.ID != want.ID || got.News[0].Kind != "k" || got.From != want.From || got.At != want.At {
			t.Errorf("%s: opened as %.200v, %v", name, got, err)
		}
	}
	if _, err := ours.seal(letter(func(e *envelope) { e.News[0].Body = json.RawMessage(`"` + strings.Repeat("a", maxEnvelope) + `"`) })); err == nil {
		t.Error("an envelope over 64 KB is sealed")
	}
}

// A text of 16 KB fits, whatever is in it: escaping must not blow it up.
func TestTheLongestTextFits(t *testing.T) {
	for _, s := range []string{"<", "&", "😀", "\"", "\\"} {
		body, err := marshal(map[string]string{"text": strings.Repeat(s, 16<<10/len(s))})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ours.open(sealed(t, ours, letter(func(e *envelope) { e.News[0].Body = body })), "here", noon); err != nil {
			t.Errorf("16 KB of %s: %v", s, err)
		}
	}
}

// No bit may be other than it was sealed, apart from the case of the seal's letters.
func TestNothingIsBelievedThatWasChanged(t *testing.T) {
	good := sealed(t, ours, letter(nil))
	for i := range good {
		for bit := range 8 {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << bit
			if _, err := ours.open(bad, "here", noon); err == nil && !(i < sealSize && bytes.EqualFold(bad, good)) {
				t.Fatalf("believed with bit %d of byte %d turned: %s", bit, i, bad)
			}
		}
	}
	for name, bad := range map[string][]byte{
		"nothing": {}, "the seal alone": good[:sealSize], "cut short": good[:len(good)-1], "something behind": append(bytes.Clone(good), ' '),
		"another key": sealed(t, sealer{key("the secret of somebody else")}, letter(nil)), "no key": sealed(t, sealer{}, letter(nil)),
		"no seal": good[sealSize+1:], "10 MB": bytes.Repeat([]byte("a"), 10<<20), "10 MB behind a good one": append(bytes.Clone(good), make([]byte, 10<<20)...),
	} {
		if e, err := ours.open(bad, "here", noon); err == nil {
			t.Errorf("%s: believed as %v", name, e)
		}
	}
}

// What one of us has sealed is still not for everybody, not for ever, and of one form.
func TestSealedAndStillRefused(t *testing.T) {
	for name, change := range map[string]func(*envelope){
		"another version": func(e *envelope) { e.V = version + 1 }, "for another node": func(e *envelope) { e.To = "elsewhere" },
		"for everybody": func(e *envelope) { e.To = "" }, "by ourselves": func(e *envelope) { e.From = "here" },
		"31 s old": func(e *envelope) { e.At -= 31_000 }, "31 s ahead": func(e *envelope) { e.At += 31_000 }, "of 1970": func(e *envelope) { e.At = 0 },
	} {
		if _, err := ours.open(sealed(t, ours, letter(change)), "here", noon); err == nil {
			t.Errorf("%s: believed", name)
		}
	}
	for name, change := range map[string]func(*envelope){
		"29 s old": func(e *envelope) { e.At -= 29_000 }, "29 s ahead": func(e *envelope) { e.At += 29_000 },
	} {
		if _, err := ours.open(sealed(t, ours, letter(change)), "here", noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, body := range []string{
		``, `{}`, `[]`, `null`, `{"v":2`, `{"v":"1"}`, "\xff\xfe", strings.Repeat("[", 60<<10),
		`{"v":2,"id":"1","from":"there","to":"here","at":1777896000000,"news":[{"news":[{"kind":"k","body":{}}]}],"more":1}`,
		`{"v":2,"id":"1","from":"there","to":"here","at":1777896000000,"news":[{"kind":"k","body":{}}]}{}`,
		`{"v":2,"id":"1","from":"there","to":"here","at":1e400,"news":[{"kind":"k","body":{}}]}`,
	} {
		if e, err := ours.open(sealRaw([]byte(body)), "here", noon); err == nil {
			t.Errorf("%.80q: believed as %v", body, e)
		}
	}
}

// sealRaw seals what may be no envelope at all.
func sealRaw(body []byte) []byte {
	const digits = "0123456789abcdef"
	var out []byte
	for _, b := range ours.sum(body) {
		out = append(out, digits[b>>4], digits[b&15])
	}
	return append(append(out, '.'), body...)
}

// Whatever arrives is refused or is a sealed envelope for this node; nothing panics. The same bytes
// are tried as they are, and with our seal on them, so that the parser is reached too.
func FuzzEnvelope(f *testing.F) {
	f.Add(sealed(f, ours, letter(nil)))
	f.Add(sealed(f, ours, letter(func(e *envelope) { e.News[0].Body = nil })))
	for _, s := range []string{
		"", ".", "{}", "\xc0", strings.Repeat("0", sealSize) + ".{}", `{"v":2,"id":"1","from":"there","to":"here","at":1777896000000,"news":[{"kind":"k","body":{}}]}`,
		`{"V":1,"v":1,"to":"here","at":1777896000000,"body":[[[[]]]]}`, `{"v":2,"to":"here","at":-9223372036854775808}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if e, err := ours.open(b, "here", noon); err == nil {
			believed(t, e, b[sealSize+1:])
			if !bytes.EqualFold(b, sealRaw(b[sealSize+1:])) {
				t.Errorf("believed without our seal: %q", b)
			}
		}
		if e, err := ours.open(sealRaw(b), "here", noon); err == nil {
			believed(t, e, b)
		}
	})
}

// believed checks what has been opened from body.
func believed(t *testing.T, e envelope, body []byte) {
	t.Helper()
	age := noon.Sub(time.UnixMilli(e.At))
	if e.V != version || e.To != "here" || e.From == "here" || age > maxAge || age < -maxAge {
		t.Errorf("believed as %+v: %q", e, body)
	}
	for _, n := range e.News {
		if len(n.Body) > 0 && !json.Valid(n.Body) {
			t.Errorf("a body is %q", n.Body)
		}
	}
	var any map[string]json.RawMessage
	if err := json.Unmarshal(body, &any); err != nil {
		t.Errorf("believed and no object: %q", body)
	}
}
