package chat

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"chaffer/internal/auth"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// until asks again until ok holds; it fails the test after the deadline.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within a minute", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func TestAPersonIsExportedAndErased(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		chatID, _ := s.open("p1", "john-secret-1")
		s.send(haven, chatID, "haven-answer")
		deleted := s.send(john, chatID, "john-secret-deleted")["id"].(string)
		s.envelope(200, john, "DELETE", "/chats/"+chatID+"/messages/"+deleted, "")
		other := data(s.envelope(201, jane, "POST", "/chats/messages", `{"productId":"p1","recipientId":2,"text":"jane-text"}`))
		s.envelope(200, haven, "POST", "/chats/"+chatID+"/read", "")
		s.send(john, chatID, "john-secret-unread")

		_, header, b := s.do(root, "GET", "/admin/users/customer/2/export", "")
		if header.Get("Content-Type") != "application/x-ndjson" {
			t.Errorf("export: %v", header)
		}
		var lines []ExportLine
		for scanner := bufio.NewScanner(bytes.NewReader(b)); scanner.Scan(); {
			var l ExportLine
			if err := json.Unmarshal(scanner.Bytes(), &l); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, l)
		}
		if last := lines[len(lines)-1]; last.Kind != "end" || last.Messages != 4 || len(lines) != 7 {
			t.Errorf("export: %d lines, the last is %+v", len(lines), last)
		}
		for _, want := range []string{"john-secret-1", "haven-answer", "john-secret-deleted", "john-secret-unread"} {
			if !bytes.Contains(b, []byte(want)) {
				t.Errorf("the export lacks %s", want)
			}
		}
		if bytes.Contains(b, []byte("jane-text")) {
			t.Error("the export has somebody else's chat")
		}

		s.envelope(404, root, "POST", "/admin/users/customer/999/erase", "")
		s.envelope(403, john, "POST", "/admin/users/customer/2/erase", "")
		s.envelope(404, root, "GET", "/admin/users/customer/2/erase", "")
		s.envelope(202, root, "POST", "/admin/users/customer/2/erase", "")
		until(t, "the erasure", func() bool {
			return data(s.envelope(200, root, "GET", "/admin/users/customer/2/erase", ""))["state"] == "done"
		})
		job := data(s.envelope(200, root, "GET", "/admin/users/customer/2/erase", ""))
		if job["done"] != 4.0 || job["total"] != 4.0 {
			t.Errorf("the job: %v", job)
		}
		for _, u := range []models.UserRef{haven, root} {
			for _, path := range []string{"/chats/" + chatID, "/chats/" + chatID + "/messages", "/chats"} {
				if u == root {
					path = "/admin" + path
				}
				if _, _, b := s.do(u, "GET", path, ""); strings.Contains(string(b), "john-secret") || strings.Contains(string(b), "Person 2\"") {
					t.Errorf("%s still shows it: %.500s", path, b)
				}
			}
		}
		chat := data(s.envelope(200, haven, "GET", "/chats/"+chatID, ""))
		messages := chat["messages"].([]any)
		if chat["customerName"] != ErasedName || chat["unreadCount"] != 0.0 || len(messages) != 4 || messages[1].(map[string]any)["text"] != "haven-answer" ||
			messages[0].(map[string]any)["deletedAt"] == nil {
			t.Errorf("the other side: %v", chat)
		}
		if list := s.envelope(200, root, "GET", "/admin/chats?q=john-secret", "")["data"].([]any); len(list) != 0 {
			t.Errorf("the search finds it: %v", list)
		}
		if _, _, b := s.do(root, "GET", "/admin/users/customer/2/export", ""); bytes.Contains(b, []byte("john-secret")) {
			t.Error("a later export has it")
		}
		if c := data(s.envelope(200, jane, "GET", "/chats/"+other["chatId"].(string), "")); c["messages"].([]any)[0].(map[string]any)["text"] != "jane-text" {
			t.Errorf("somebody else's chat: %v", c)
		}
	})
}

// A job that a crash has left is taken over by whoever comes next, from where it was.
func TestAnErasureGoesOnAfterACrash(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		h := newHouse(t, url)
		for i := range 3 {
			must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, ask(fmt.Sprintf("p%d", i), "secret")))
		}
		long := h.now().Add(-time.Hour)
		j := models.Job{
			ID: "019540f0-7b6a-7000-8000-000000000001", Kind: "erase", UserType: john.Type, UserID: john.ID, State: "running",
			Total: 3, RequestedByType: root.Type, RequestedByID: root.ID, CreatedAt: long, UpdatedAt: h.now(),
		}
		if err := h.db.Create(&j).Error; err != nil {
			t.Fatal(err)
		}
		if err := h.worker.work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := must[models.Job](t)(h.EraseJob(t.Context(), john)); got.State != "running" {
			t.Errorf("taken although somebody is at it: %+v", got)
		}
		if err := h.db.Model(&j).Update("updated_at", long).Error; err != nil {
			t.Fatal(err)
		}
		restarted := newHouse(t, url)
		until(t, "the erasure", func() bool { return must[models.Job](t)(restarted.EraseJob(t.Context(), john)).State == "done" })
		var left int64
		if h.db.Model(&models.Message{}).Where("text <> ''").Count(&left); left != 0 {
			t.Errorf("%d messages keep their text", left)
		}
	})
}

// Ten thousand messages are exported and erased: the counts are asserted, the time is logged.
func TestTenThousandMessages(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		const count = 10_000
		h := newHouse(t, url)
		sent := must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, ask("p1", "secret")))
		done := make(chan error, count)
		for i := 1; i < count; i++ {
			h.SendAsync(t.Context(), auth.Identity{User: john}, SendInput{ChatID: sent.Chat.ID, Text: "secret"}, func(_ Sent, err error) { done <- err })
			if i%1000 == 0 || i == count-1 { // the queue of a lane is bounded
				for range min(1000, (i-1)%1000+1) {
					if err := <-done; err != nil {
						t.Fatal(err)
					}
				}
			}
		}
		began := time.Now()
		var out bytes.Buffer
		if err := h.writeExport(t.Context(), &out, john, UserJSON{}, nil, exportPlace{}); err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(out.Bytes(), []byte(`"kind":"message"`)); n != count {
			t.Errorf("%d messages exported", n)
		}
		t.Logf("export of %d messages: %s", count, time.Since(began))
		began = time.Now()
		must[models.Job](t)(h.Erase(t.Context(), root, john))
		until(t, "the erasure", func() bool { return must[models.Job](t)(h.EraseJob(t.Context(), john)).State == "done" })
		t.Logf("erasure of %d messages: %s", count, time.Since(began))
		var left int64
		if h.db.Model(&models.Message{}).Where("text <> ''").Count(&left); left != 0 {
			t.Errorf("%d messages keep their text", left)
		}
	})
}

func TestRetentionErasesByAge(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		now := time.Now().UTC().Truncate(time.Millisecond)
		clock := now.Add(-40 * 24 * time.Hour)
		h := newHouse(t, url, func(s *Settings) { s.Now = func() time.Time { return clock } })
		old := must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, ask("p1", "old")))
		clock = now.Add(-10 * 24 * time.Hour)
		must[Sent](t)(h.Send(t.Context(), auth.Identity{User: john}, SendInput{ChatID: old.Chat.ID, Text: "young"}))
		if n, err := h.worker.eraseBefore(t.Context(), now.Add(-30*24*time.Hour)); n != 1 || err != nil {
			t.Fatalf("erased %d, %v", n, err)
		}
		p := must[Page](t)(h.Open(t.Context(), haven, old.Chat.ID, 10))
		if p.Messages[0].Text != "" || p.Messages[0].DeletedAt == nil || p.Messages[1].Text != "young" || p.Members[1].Unread != 1 {
			t.Errorf("what is left: %+v", p)
		}
		if n, err := h.worker.eraseBefore(t.Context(), now.Add(-30*24*time.Hour)); n != 0 || err != nil {
			t.Errorf("again: %d, %v", n, err)
		}
	})
}
