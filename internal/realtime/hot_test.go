package realtime

import (
	"strconv"
	"testing"

	"chaffer/internal/models"
	"chaffer/internal/realtime/sio"
)

type hotRequest struct {
	ChatID          string `json:"chatId"`
	Text            string `json:"text"`
	ClientMessageID string `json:"clientMessageId"`
}

// BenchmarkDecode is a sendMessage from its packet to its struct.
func BenchmarkDecode(b *testing.B) {
	packet := []byte(`2/chat,7["sendMessage",{"chatId":"01a1fbf0-3513-7ce5-9c81-2cc1b76cbf91","clientMessageId":"c2-7","text":"Is this available?"}]`)
	b.ReportAllocs()
	for b.Loop() {
		p, err := sio.Parse(packet)
		if err != nil {
			b.Fatal(err)
		}
		if r, err := decode[hotRequest](Event{Name: "sendMessage"}, p); err != nil || r.ClientMessageID != "c2-7" {
			b.Fatal(r, err)
		}
	}
}

// BenchmarkRegistry finds one person's sockets among 10,000 people's.
func BenchmarkRegistry(b *testing.B) {
	m := newMembers()
	people := make([]models.UserRef, 10_000)
	for i := range people {
		people[i] = models.UserRef{Type: models.TypeCustomer, ID: strconv.Itoa(i)}
		m.byRef[people[i]] = []*Conn{{}}
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if len(m.of(people[i%len(people)])) != 1 {
			b.Fatal("a person is missing")
		}
	}
}
