package demo

import (
	"log/slog"
	"testing"

	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// A second run finds everything there and changes nothing, on both databases.
func TestFillTwice(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		d, err := db.Open(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if _, err := d.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		var first [3]int64
		for run := range 2 {
			r, err := Fill(t.Context(), d, "http://127.0.0.1:3000", slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if r.Products != 9 || r.Chats != 14 {
				t.Errorf("%+v", r)
			}
			var now [3]int64
			d.Model(&models.Message{}).Count(&now[0])
			d.Model(&models.Member{}).Select("SUM(unread)").Scan(&now[1])
			d.Model(&models.Message{}).Where("deleted_at IS NOT NULL").Count(&now[2])
			if run == 0 {
				first = now
			}
			if now != first || now[0] != int64(r.Messages) || now[1] == 0 || now[2] != 1 {
				t.Errorf("run %d: messages, unread, deleted = %v, first %v", run+1, now, first)
			}
		}
	})
}

func TestEveryDemoPictureIsDrawn(t *testing.T) {
	for _, i := range items {
		if shapes[i.shape] == "" || Picture(i.id) == "" {
			t.Errorf("%s has no drawing", i.name)
		}
	}
	if named("store-2") == "" || named("person-2") == "" || named("person-9") != "" || named("nothing") != "" {
		t.Error("stores and people are named by kind and number")
	}
}
