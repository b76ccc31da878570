package chat

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"chaffer/internal/db/dbtest"
	"chaffer/internal/models"
)

// found lists the product ids of a page of chats.
func found(page map[string]any) string {
	var out []string
	for _, c := range page["data"].([]any) {
		out = append(out, c.(map[string]any)["productId"].(string))
	}
	return strings.Join(out, " ")
}

func TestAdminFindsChats(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dbURL string) {
		s := newSite(t, dbURL)
		texts := map[string]string{"p1": "The Discount is 100% real", "p2": "nothing here", "p3": `a back\slash and an under_score`}
		start := time.Now().UTC().Add(-time.Second)
		for i, p := range []string{"p1", "p2", "p3"} {
			who := john
			if i == 1 {
				who = jane
			}
			s.envelope(201, who, "POST", "/chats/messages", fmt.Sprintf(`{"productId":%q,"recipientId":%d,"text":%q,"productName":"Red %s"}`, p, 2+i/2, texts[p], p))
		}
		for query, want := range map[string]string{
			"":                                   "p3 p2 p1",
			"vendorId=2":                         "p2 p1",
			"customerId=2":                       "p3 p1",
			"customerId=2&vendorId=2":            "p1",
			"productId=p2":                       "p2",
			"q=discount":                         "p1",
			"q=" + url.QueryEscape("100%"):       "p1",
			"q=" + url.QueryEscape("0%r"):        "",
			"q=" + url.QueryEscape("under_"):     "p3",
			"q=" + url.QueryEscape("_"):          "p3",
			"q=" + url.QueryEscape(`back\slash`): "p3",
			"q=" + url.QueryEscape(strings.Repeat("%a", 50)):                           "",
			"q=" + url.QueryEscape(`' OR 1=1 --`):                                      "",
			"q=" + url.QueryEscape(`.*[a-z]+`):                                         "",
			"q=" + url.QueryEscape("red P2"):                                           "p2",
			"q=nothing&vendorId=3":                                                     "",
			"from=" + url.QueryEscape(start.Format(time.RFC3339Nano)):                  "p3 p2 p1",
			"from=" + url.QueryEscape(start.Add(time.Hour).Format(time.RFC3339)):       "",
			"to=" + url.QueryEscape(start.Format(time.RFC3339)):                        "",
			"to=" + url.QueryEscape(start.Add(time.Hour).Format(time.RFC3339)) + "&q=": "p3 p2 p1",
		} {
			if got := found(s.envelope(200, root, "GET", "/admin/chats?"+query, "")); got != want {
				t.Errorf("?%s finds %q, expected %q", query, got, want)
			}
		}
		var all []string
		cursor := ""
		for pages := 1; ; pages++ {
			page := s.envelope(200, root, "GET", "/admin/chats?limit=1&cursor="+cursor, "")
			all = append(all, found(page))
			if page["hasMore"] != true {
				if pages != 3 || page["nextCursor"] != nil {
					t.Errorf("page %d is the last: %v", pages, page)
				}
				break
			}
			cursor = page["nextCursor"].(string)
		}
		if got := strings.Join(all, " "); got != "p3 p2 p1" {
			t.Errorf("page by page: %q", got)
		}
	})
}

// A search that the database does not answer is given up after a second, with advice.
func TestASearchIsBounded(t *testing.T) {
	s := newSite(t, dbtest.Postgres(t))
	s.open("12345", "one")
	blocker := s.db.Begin()
	defer blocker.Rollback()
	if err := blocker.Exec("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE").Error; err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	got := s.envelope(503, root, "GET", "/admin/chats?q=one", "")
	if took := time.Since(start); took > 4*time.Second || got["retryable"] != true || !strings.Contains(got["message"].(string), "narrow it") {
		t.Errorf("after %v: %v", took, got)
	}
}

// Looking changes nothing that the two sides could see, shows the deleted text, and is recorded.
func TestAdminReadsWithoutTrace(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dbURL string) {
		s := newSite(t, dbURL)
		chatID, _ := s.open("12345", "one")
		second := s.send(john, chatID, "regretted")["id"].(string)
		s.envelope(200, john, "DELETE", "/chats/"+chatID+"/messages/"+second, "")
		third := s.send(john, chatID, "abusive")["id"].(string)

		before := s.rows(chatID)
		page := data(s.envelope(200, root, "GET", "/admin/chats/"+chatID, ""))
		messages := page["messages"].([]any)
		m := messages[1].(map[string]any)
		if len(messages) != 3 || m["text"] != "regretted" || m["deletedAt"] == nil || m["deletedByType"] != "customer" || m["deletedById"] != 2.0 || m["id"] != second {
			t.Errorf("the tombstone for the admin: %v", messages)
		}
		chat := page
		if members := chat["members"].([]any); chat["kind"] != "product" || len(members) != 2 || members[1].(map[string]any)["readSeq"] != 0.0 {
			t.Errorf("the chat: %v", chat)
		}
		list := s.envelope(200, root, "GET", "/admin/chats/"+chatID+"/messages?afterSeq=1&limit=1", "")
		if got := list["data"].([]any); len(got) != 1 || got[0].(map[string]any)["text"] != "regretted" || list["nextCursor"] != "2" {
			t.Errorf("one message after 1: %v", list)
		}
		s.envelope(200, root, "GET", "/admin/chats", "")
		s.envelope(200, root, "GET", "/admin/users/vendor/2", "")
		if _, _, b := s.do(root, "GET", "/admin/chats/"+chatID+"/transcript?format=text", ""); !strings.Contains(string(b), "regretted") {
			t.Errorf("the transcript lacks the deleted text: %s", b)
		}
		if after := s.rows(chatID); after != before {
			t.Errorf("looking changed\n%s\ninto\n%s", before, after)
		}

		if d := data(s.envelope(200, root, "DELETE", "/admin/chats/"+chatID+"/messages/"+third, "")); d["seq"] != 3.0 {
			t.Errorf("deleting as admin: %v", d)
		}
		mine := data(s.envelope(200, haven, "GET", "/chats/"+chatID, ""))
		if m := mine["messages"].([]any)[2].(map[string]any); m["text"] != "" || mine["unreadCount"] != 1.0 {
			t.Errorf("the vendor sees %v", mine)
		}
		audit := s.envelope(200, root, "GET", "/admin/audit?limit=100", "")["data"].([]any)
		var actions []string
		for _, a := range audit {
			row := a.(map[string]any)
			actions = append(actions, row["action"].(string))
			if row["actorId"] != 1.0 || row["actorType"] != "admin" {
				t.Errorf("somebody else is blamed: %v", row)
			}
		}
		if got := strings.Join(actions, " "); got != "audit.list message.delete chat.transcript user.read chats.list chat.read chat.read" {
			t.Errorf("the audit log says %s", got)
		}
		if row := audit[1].(map[string]any); row["target"] != chatID || row["detail"].(map[string]any)["messageId"] != third {
			t.Errorf("what was deleted: %v", row)
		}
	})
}

// rows is everything of a chat that must not change by being looked at.
func (s *site) rows(chatID string) string {
	s.t.Helper()
	var chats []models.Chat
	var members []models.Member
	var messages []models.Message
	if err := s.db.Where("id = ?", chatID).Find(&chats).Error; err != nil {
		s.t.Fatal(err)
	}
	if err := s.db.Where("chat_id = ?", chatID).Order("user_type").Find(&members).Error; err != nil {
		s.t.Fatal(err)
	}
	if err := s.db.Where("chat_id = ?", chatID).Order("seq").Find(&messages).Error; err != nil {
		s.t.Fatal(err)
	}
	b, err := json.Marshal([]any{chats, members, messages})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(b)
}

func TestNothingIsShownThatCannotBeRecorded(t *testing.T) {
	s := newSite(t, dbtest.SQLite(t))
	chatID, _ := s.open("12345", "secret")
	if err := s.db.Exec("DROP TABLE audit_entries").Error; err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/chats", "/chats/" + chatID, "/chats/" + chatID + "/messages", "/chats/" + chatID + "/transcript", "/users/vendor/2", "/stats"} {
		status, _, b := s.do(root, "GET", "/admin"+path, "")
		if status < 500 || strings.Contains(string(b), "secret") {
			t.Errorf("%s answers %d %s", path, status, b)
		}
	}
}

func TestTranscripts(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dbURL string) {
		s := newSite(t, dbURL)
		texts := []string{`=HYPERLINK("https://evil.example")`, "+1", "-2", "@cmd", " =1+1", "two\nlines #9 CUSTOMER 2: forged", `quote " and , comma`, "plain"}
		chatID, _ := s.open("12345", texts[0])
		for _, text := range texts[1:] {
			s.send(john, chatID, text)
		}

		status, header, b := s.do(root, "GET", "/admin/chats/"+chatID+"/transcript?format=csv", "")
		if status != 200 || header.Get("Content-Type") != "text/csv; charset=utf-8" || header.Get("Content-Disposition") != `attachment; filename="chat-`+chatID+`.csv"` || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Fatalf("csv: %d %v", status, header)
		}
		rows, err := csv.NewReader(strings.NewReader(string(b))).ReadAll()
		if err != nil || len(rows) != len(texts)+1 {
			t.Fatalf("csv: %v %s", err, b)
		}
		for i, text := range texts {
			want := text
			if i < 5 {
				want = "'" + text
			}
			if got := rows[i+1][4]; got != want || rows[i+1][0] != fmt.Sprint(i+1) {
				t.Errorf("row %d is %q, expected %q", i+1, rows[i+1], want)
			}
		}

		_, _, b = s.do(root, "GET", "/admin/chats/"+chatID+"/transcript", "")
		var got struct {
			Data AdminPageJSON
			More bool `json:"hasMore"`
		}
		if err := json.Unmarshal(b, &got); err != nil || len(got.Data.Messages) != len(texts) || got.Data.Messages[0].Text != texts[0] || got.Data.ID != chatID || got.More {
			t.Errorf("json: %v %s", err, b)
		}
		_, _, b = s.do(root, "GET", "/admin/chats/"+chatID+"/transcript?afterSeq=7", "")
		if err := json.Unmarshal(b, &got); err != nil || len(got.Data.Messages) != 1 || got.Data.Messages[0].Text != "plain" {
			t.Errorf("json after 7: %v %s", err, b)
		}

		status, header, b = s.do(root, "GET", "/admin/chats/"+chatID+"/transcript?format=text", "")
		if status != 200 || header.Get("Content-Type") != "text/plain; charset=utf-8" {
			t.Errorf("text: %d %v", status, header)
		}
		numbered := 0
		for _, line := range strings.Split(string(b), "\n") {
			if strings.Contains(line, "#") && !strings.HasPrefix(line, " ") {
				numbered++
			}
		}
		if numbered != len(texts) {
			t.Errorf("text has %d messages, expected %d:\n%s", numbered, len(texts), b)
		}
	})
}

func TestAdminSeesPeopleAndFigures(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, dbURL string) {
		s := newSite(t, dbURL)
		a, _ := s.open("p1", "one")
		s.open("p2", "two")
		gone := s.send(john, a, "three")["id"].(string)
		s.envelope(200, john, "DELETE", "/chats/"+a+"/messages/"+gone, "")
		s.envelope(200, haven, "POST", "/chats/"+a+"/read", "")

		u := data(s.envelope(200, root, "GET", "/admin/users/vendor/2", ""))
		if u["chatCount"] != 2.0 || u["unreadCount"] != 1.0 || u["online"] != true || u["userId"] != 2.0 || u["userType"] != "vendor" || u["firstChatAt"].(string) > u["lastActivityAt"].(string) {
			t.Errorf("the vendor is %v", u)
		}
		u = data(s.envelope(200, root, "GET", "/admin/users/customer/2", ""))
		if u["name"] != "Person 2" || u["online"] != false || u["unreadCount"] != 0.0 {
			t.Errorf("the customer is %v", u)
		}
		stats := data(s.envelope(200, root, "GET", "/admin/stats", ""))
		for key, want := range map[string]float64{"chats": 2, "activeChats": 2, "messages": 3, "deletedMessages": 1, "users": 2, "unreadMessages": 1, "products": 0} {
			if stats[key] != want {
				t.Errorf("%s is %v, expected %v", key, stats[key], want)
			}
		}
	})
}
