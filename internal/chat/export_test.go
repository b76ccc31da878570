package chat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// A download that was cut goes on behind any line that has a place, and gives exactly the other lines.
func TestAnExportGoesOnFromEveryPlace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		h := newHouse(t, url)
		for i := range 3 {
			first := must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, ask(fmt.Sprintf("p%d", i), "one")))
			must[Sent](t)(h.Send(t.Context(), auth.Identity{User: haven}, SendInput{ChatID: first.Chat.ID, Text: "two"}))
			must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, SendInput{ChatID: first.Chat.ID, Text: "three"}))
		}
		export := func(from exportPlace) []byte {
			var out bytes.Buffer
			if err := h.writeExport(t.Context(), &out, john, UserJSON{}, nil, from); err != nil {
				t.Fatal(err)
			}
			return out.Bytes()
		}
		whole := export(exportPlace{})
		places, behind := 0, whole
		for len(behind) > 0 {
			line, rest, _ := bytes.Cut(behind, []byte("\n"))
			behind = rest
			var l ExportLine
			if err := json.Unmarshal(line, &l); err != nil {
				t.Fatal(err)
			}
			if (l.Place != "") != (l.Kind == "chat" || l.Kind == "message") {
				t.Errorf("a line of the kind %s has the place %q", l.Kind, l.Place)
			}
			if l.Place == "" {
				continue
			}
			places++
			from, err := h.exportPlace(t.Context(), john, l.Place)
			if err != nil {
				t.Fatal(err)
			}
			if got := export(from); !bytes.Equal(got, rest) {
				t.Errorf("behind %s:\n%s\nexpected\n%s", l.Place, got, rest)
			}
		}
		if places != 12 || !bytes.HasSuffix(whole, []byte(`{"kind":"end","messages":9}`+"\n")) {
			t.Errorf("%d places in %s", places, whole)
		}
	})
}

func TestPlacesThatAreNone(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		h := newHouse(t, url)
		mine := must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, ask("p1", "mine"))).Chat
		theirs := must[Sent](t)(h.Send(t.Context(), auth.Identity{User: models.UserRef{Type: models.TypeCustomer, ID: "77"}}, ask("p1", "theirs"))).Chat
		good := exportPlace{mine.ID, 1, 1}.text(john)
		if _, err := h.exportPlace(t.Context(), john, good); err != nil {
			t.Fatal(err)
		}
		for name, after := range map[string]string{
			"words": "x", "a cursor of a list": "MTc0MDY1MzAyMTkwNS4wMTk1NDBmMA", "one digit changed": strings.Replace(good, ".1.1.", ".0.1.", 1),
			"a bit of the checksum": good[:len(good)-1] + string(good[len(good)-1]^1), "cut": good[:len(good)-1], "more": good + "0", "upper case": strings.ToUpper(good),
			"another person's":         exportPlace{theirs.ID, 1, 1}.text(models.UserRef{Type: models.TypeCustomer, ID: "77"}),
			"somebody else's chat":     exportPlace{theirs.ID, 1, 1}.text(john),
			"behind the end":           exportPlace{mine.ID, 2, 2}.text(john),
			"before the beginning":     exportPlace{mine.ID, beforeChat, 0}.text(john),
			"fewer than in this chat":  exportPlace{mine.ID, 1, 0}.text(john),
			"a chat that is not there": exportPlace{"019540f0-7b6a-7000-8000-000000000001", 1, 1}.text(john),
			"SQL":                      "' OR 1=1--.1.1.0",
		} {
			if p, err := h.exportPlace(t.Context(), john, after); !apperr.Is(err, apperr.Invalid) {
				t.Errorf("%s (%s) is taken for %+v: %v", name, after, p, err)
			}
		}
	})
}
