package chat

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"chaffer/internal/wire"
)

func plainJSON(t rapid.TB, v any) string {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return string(bytes.TrimSpace(out.Bytes()))
}

func drawMessage(t *rapid.T) MessageJSON {
	at := wire.At(time.UnixMilli(rapid.Int64Range(0, 4_000_000_000_000).Draw(t, "at")))
	m := MessageJSON{
		ID: "0192", MessageID: "0192", ChatID: rapid.String().Draw(t, "chat"), Seq: rapid.Int64().Draw(t, "seq"),
		SenderID:   wire.ID(rapid.SampledFrom([]string{"2", "u-2", "9007199254740991", "9007199254740993", "ü\"\\", "0"}).Draw(t, "sender")),
		SenderType: "VENDOR", Text: rapid.String().Draw(t, "text"), MessageImages: []ImageJSON{},
		Timestamp: at, CreatedAt: at, UpdatedAt: at, Read: rapid.Bool().Draw(t, "read"), RecipientOnline: rapid.Bool().Draw(t, "online"),
		ClientMessageID: rapid.SampledFrom([]string{"", "key_1"}).Draw(t, "key"),
	}
	if rapid.Bool().Draw(t, "deleted") {
		m.DeletedAt = &at
	}
	if rapid.Bool().Draw(t, "image") {
		m.MessageImages = append(m.MessageImages, ImageJSON{ID: "1", ImageURL: "https://e.com/?a=1&b=<2>", MimeType: "image/png", Size: 3})
	}
	return m
}

// What is written by hand is what encoding/json writes.
func TestAppendedJSONIsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := drawMessage(t)
		if got, want := string(m.AppendJSON(nil)), plainJSON(t, m); got != want {
			t.Fatalf("message:\n%s\n%s", got, want)
		}
		again := rapid.Bool().Draw(t, "again")
		s := SentReply{Message: "Message has been sent", StatusCode: 201, Duplicate: again, Data: SentJSON{m, again}}
		if got, want := string(s.AppendJSON(nil)), plainJSON(t, s); got != want {
			t.Fatalf("answer:\n%s\n%s", got, want)
		}
		r := receivedBody(m)
		if got, want := string(r.AppendJSON(nil)), plainJSON(t, wire.Envelope[ReceivedJSON](r)); got != want {
			t.Fatalf("receiveMessage:\n%s\n%s", got, want)
		}
		c := ChatJSON{
			ID: "0193", ProductName: rapid.SampledFrom([]string{"Lamp", `"messages":[]`, "<&>"}).Draw(t, "product"), CreatedAt: m.CreatedAt, LastMessageAt: m.CreatedAt,
			Messages: rapid.SampledFrom([][]MessageJSON{{}, {m}, {m, m}}).Draw(t, "messages"), NextCursor: rapid.SampledFrom([]string{"", "17"}).Draw(t, "cursor"),
		}
		p := inboxReply{Message: "Chats", StatusCode: 200, HasMore: again, NextCursor: c.NextCursor, Data: []ChatJSON{c, c}}
		if got, want := string(p.AppendJSON(nil)), plainJSON(t, wire.Page[ChatJSON](p)); got != want {
			t.Fatalf("userChats:\n%s\n%s", got, want)
		}
	})
}

func BenchmarkReceiveMessage(b *testing.B) {
	at := wire.At(time.UnixMilli(1_740_653_021_905))
	m := MessageJSON{
		ID: "01a1fb63-466d-7ac8-809f-381b0cb3816e", MessageID: "01a1fb63-466d-7ac8-809f-381b0cb3816e", ChatID: "01a1fb63-466b-7b78-a954-d065b11dd2d7",
		Seq: 12, SenderID: "2", SenderType: "CUSTOMER", Text: "Are you crazy?", MessageImages: []ImageJSON{}, Timestamp: at, CreatedAt: at, UpdatedAt: at,
	}
	body := receivedBody(m)
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = body.AppendJSON(make([]byte, 0, 1024))
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(wire.Envelope[ReceivedJSON](body)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUserChats(b *testing.B) {
	at := wire.At(time.UnixMilli(1_740_653_021_905))
	m := MessageJSON{
		ID: "01a1fb63-466d-7ac8-809f-381b0cb3816e", MessageID: "01a1fb63-466d-7ac8-809f-381b0cb3816e", ChatID: "01a1fb63-466b-7b78-a954-d065b11dd2d7",
		Seq: 12, SenderID: "2", SenderType: "CUSTOMER", Text: "Are you crazy?", MessageImages: []ImageJSON{}, Timestamp: at, CreatedAt: at, UpdatedAt: at,
	}
	page := inboxReply{Message: "Chats", StatusCode: 200, Data: make([]ChatJSON, 50)}
	for i := range page.Data {
		page.Data[i] = ChatJSON{ID: m.ChatID, VendorID: "2", CustomerID: "2", Messages: []MessageJSON{m, m, m, m, m}}
	}
	b.Run("by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = page.AppendJSON(make([]byte, 0, 128<<10))
		}
	})
	b.Run("encoding-json, measured first", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for _, c := range page.Data {
				_ = encodedLen(c)
			}
			if _, err := json.Marshal(wire.Page[ChatJSON](page)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
