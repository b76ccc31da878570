package pictures

import (
	"bytes"
	"fmt"
	"image"
	_ "image/jpeg" // thumbnails
	_ "image/png"
	"slices"
	"strings"
	"testing"
	"time"

	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

func names(ids ...string) []string {
	var out []string
	for _, id := range ids {
		out = append(out, "pictures/"+id, "pictures/"+id+".t")
	}
	slices.Sort(out)
	return out
}

// A picture is kept as two objects, served by signed addresses alone, and goes with its message; one
// that no message uses goes after a day.
func TestPicturesComeAndGo(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		s := openStore(t)
		n := startNode(t, database, s)
		sent, picture, thumbnail := n.keep(800, 400)
		unused, forgotten, _ := n.keep(8, 8)
		young, _, _ := n.keep(9, 9)
		if got := s.objects(); !slices.Equal(got, names(sent, unused, young)) {
			t.Fatalf("the bucket has %v", got)
		}
		for path, want := range map[string]image.Point{picture: {X: 800, Y: 400}, thumbnail: {X: 320, Y: 160}} {
			status, b := n.do("GET", path, "", nil)
			c, _, err := image.DecodeConfig(bytes.NewReader(b))
			if status != 200 || err != nil || c.Width != want.X || c.Height != want.Y {
				t.Errorf("%s: %d, %d×%d, %v", path, status, c.Width, c.Height, err)
			}
			if status, _ := n.do("GET", path+"0", "", nil); status != 403 {
				t.Errorf("with another signature: %d", status)
			}
			bare, _, _ := strings.Cut(path, "?")
			if status, _ := n.do("GET", bare, "", nil); status != 404 {
				t.Errorf("without a signature: %d", status)
			}
		}
		m := n.want(201, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"p","recipientId":2,"text":"look","messageImages":[%q]}`, sent))
		n.want(200, "DELETE", fmt.Sprintf("/api/v1/chats/%s/messages/%s", m["chatId"], m["id"]), "")
		if status, _ := n.do("GET", picture, "", nil); status != 404 {
			t.Errorf("deleted, and served: %d", status)
		}
		n.stop()
		d, err := db.Open(t.Context(), database)
		if err != nil {
			t.Fatal(err)
		}
		err = d.Model(&models.Attachment{}).Where("id = ?", unused).Update("created_at", db.Now().Add(-25*time.Hour)).Error
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		n = startNode(t, database, s) // which collects first of all
		s.until("only the young one is left", func() bool { return slices.Equal(s.objects(), names(young)) })
		if status, _ := n.do("GET", forgotten, "", nil); status != 404 {
			t.Errorf("collected, and served: %d", status)
		}
		n.want(404, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"p","recipientId":2,"text":"","messageImages":[%q]}`, unused))
	})
}

// While the store is away pictures are refused with a sentence, everything else goes on, and what was
// kept is there again afterwards.
func TestTheStoreIsAway(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, database string) {
		t.Parallel()
		s := openStore(t)
		n := startNode(t, database, s)
		kept, picture, _ := n.keep(60, 40)
		_, before := n.do("GET", picture, "", nil)
		doomed, doomedPicture, _ := n.keep(61, 41)
		m := n.want(201, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"p","recipientId":2,"text":"","messageImages":[%q]}`, doomed))
		s.kill()

		status, out := n.upload(8, 8)
		if message, _ := out["message"].(string); status != 503 || !strings.Contains(message, "could not be stored, please try again") || out["retryable"] != true {
			t.Errorf("an upload: %d %v", status, out)
		}
		if status, b := n.do("GET", picture, "", nil); status != 503 || !bytes.Contains(b, []byte("try again")) || bytes.Contains(b, []byte("127.0.0.1")) {
			t.Errorf("a picture: %d %s", status, b)
		}
		n.want(201, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"p","recipientId":2,"text":"with one that was kept before","messageImages":[%q]}`, kept))
		n.want(200, "DELETE", fmt.Sprintf("/api/v1/chats/%s/messages/%s", m["chatId"], m["id"]), "")
		if status, _ := n.do("GET", doomedPicture, "", nil); status != 404 {
			t.Errorf("deleted while the store was away, and served: %d", status)
		}
		if status, _ := n.do("GET", "/readyz", "", nil); status != 200 {
			t.Errorf("the node is not ready: %d", status)
		}

		n.stop()
		n = startNode(t, database, s) // also a node that starts now
		n.want(201, "POST", "/api/v1/chats/messages", `{"productId":"p","recipientId":2,"text":"from a node that started without the store"}`)
		if status, _ := n.upload(8, 8); status != 503 {
			t.Errorf("an upload to it: %d", status)
		}

		s.run()
		status, after := n.do("GET", picture, "", nil)
		if status != 200 || !bytes.Equal(before, after) {
			t.Errorf("what was kept: %d, %d bytes instead of %d", status, len(after), len(before))
		}
		again, _, _ := n.keep(8, 8)
		n.stop()
		startNode(t, database, s)
		s.until("what was deleted meanwhile is gone", func() bool { return slices.Equal(s.objects(), names(kept, again)) })
	})
}
