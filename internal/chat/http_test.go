package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/db/dbtest"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
)

const restSecret = "a-secret-of-the-rest-tests-with-32-bytes"

var (
	john  = models.UserRef{Type: models.TypeCustomer, ID: "2"}
	haven = models.UserRef{Type: models.TypeVendor, ID: "2"} // the same number: another person
	jane  = models.UserRef{Type: models.TypeCustomer, ID: "3"}
	root  = models.UserRef{Type: models.TypeAdmin, ID: "1"}
)

// restPresence, restCatalogue and restLimiter are the three small interfaces of this feature:
// one person is online, one product is published, and there is a budget.
type restPresence struct{ online models.UserRef }

func (p restPresence) Online(_ context.Context, u models.UserRef) bool { return u == p.online }

type restCatalogue map[string]models.Product

func (c restCatalogue) Find(_ context.Context, id string) (models.Product, error) {
	if p, ok := c[id]; ok {
		return p, nil
	}
	return models.Product{}, apperr.New(apperr.NotFound, "Product was not found")
}

type restLimiter struct{ wait time.Duration }

func (l *restLimiter) Send(context.Context, models.UserRef) time.Duration     { return l.wait }
func (l *restLimiter) OpenChat(context.Context, models.UserRef) time.Duration { return 0 }

// site is the feature behind its real routes, guards and database.
type site struct {
	*httptest.Server
	t       *testing.T
	db      *db.DB
	service *Service
	limiter *restLimiter
}

func newSite(t *testing.T, url string) *site {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	limiter := &restLimiter{}
	catalogue := restCatalogue{"published": {ID: "published", Name: "Lamp", Price: "20", VendorID: "2", StoreName: "Tech Haven", ImageURL: "https://x.example/l.png"}}
	s := NewService(d, restPresence{haven}, catalogue, limiter, Settings{VendorMayOpenChats: true}, log)
	t.Cleanup(s.Close)
	v, err := auth.NewVerifier(t.Context(), auth.VerifierOptions{Secret: restSecret})
	if err != nil {
		t.Fatal(err)
	}
	g := auth.NewGuard(v, nil, nil, log)
	spec := httpjson.NewSpec("t", "1", "")
	r := chi.NewRouter()
	r.NotFound(httpjson.NotFound)
	r.MethodNotAllowed(httpjson.MethodNotAllowed)
	r.Group(func(r chi.Router) {
		r.Use(g.Require(models.TypeCustomer, models.TypeVendor))
		Register(httpjson.NewAPI(r, spec, log), s)
	})
	r.Group(func(r chi.Router) {
		r.Use(g.Require(models.TypeAdmin))
		RegisterAdmin(httpjson.NewAPI(r, spec, log), s)
	})
	srv := httptest.NewServer(r)
	t.Cleanup(srv.Close)
	return &site{srv, t, d, s, limiter}
}

// do sends a request as u and returns the status, the headers and the body.
func (s *site) do(u models.UserRef, method, path, body string, header ...string) (int, http.Header, []byte) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.URL+"/api/v1"+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if !u.IsZero() {
		token, err := auth.Mint(restSecret, auth.Claims{User: u, Name: "Person " + u.ID}, time.Hour)
		if err != nil {
			s.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := s.Client().Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, res.Header, b
}

// envelope is do for a JSON answer; want is the status it must have.
func (s *site) envelope(want int, u models.UserRef, method, path, body string, header ...string) map[string]any {
	s.t.Helper()
	status, _, b := s.do(u, method, path, body, header...)
	var got map[string]any
	if err := json.Unmarshal(b, &got); err != nil {
		s.t.Fatalf("%s %s: %d %.300s is not JSON", method, path, status, b)
	}
	if status != want || got["statusCode"] != float64(want) || got["error"] != (want >= 400) {
		s.t.Fatalf("%s %s: expected %d, got %d %.300s", method, path, want, status, b)
	}
	return got
}

func data(envelope map[string]any) map[string]any { return envelope["data"].(map[string]any) }

// open lets john write first about a product and returns the chat's and the message's id.
func (s *site) open(product, text string) (chatID, messageID string) {
	s.t.Helper()
	got := data(s.envelope(201, john, "POST", "/chats/messages", fmt.Sprintf(`{"productId":%q,"recipientId":2,"text":%q,"productName":"Headphones"}`, product, text)))
	return got["chatId"].(string), got["id"].(string)
}

func (s *site) send(u models.UserRef, chatID, text string) map[string]any {
	s.t.Helper()
	b, _ := json.Marshal(map[string]string{"chatId": chatID, "text": text})
	return data(s.envelope(201, u, "POST", "/chats/messages", string(b)))
}

func TestChatsThroughREST(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		if got := s.envelope(200, john, "GET", "/chats", ""); len(got["data"].([]any)) != 0 || got["hasMore"] != false {
			t.Errorf("an empty list is %v", got)
		}
		chatID, first := s.open("12345", "Hello?")
		s.send(haven, chatID, "Good day!")
		s.send(haven, chatID, "How can I help?")

		chat := data(s.envelope(200, john, "GET", "/chats/"+chatID, ""))
		messages := chat["messages"].([]any)
		if chat["unreadCount"] != 2.0 || chat["lastSeq"] != 3.0 || chat["customerName"] != "Person 2" || chat["productName"] != "Headphones" ||
			chat["productId"] != "12345" || chat["vendorId"] != 2.0 || len(messages) != 3 || messages[0].(map[string]any)["text"] != "Hello?" {
			t.Errorf("the chat is %v", chat)
		}
		if by := data(s.envelope(200, haven, "GET", "/chats/by-product/12345/2/2", "")); by["id"] != chatID {
			t.Errorf("by product: %v", by)
		}

		page := s.envelope(200, john, "GET", "/chats/"+chatID+"/messages?limit=2", "")
		if m := page["data"].([]any); len(m) != 2 || m[0].(map[string]any)["seq"] != 2.0 || page["hasMore"] != true || page["nextCursor"] != "2" {
			t.Errorf("the newest two: %v", page)
		}
		page = s.envelope(200, john, "GET", "/chats/"+chatID+"/messages?beforeSeq=2", "")
		if m := page["data"].([]any); len(m) != 1 || page["hasMore"] != false {
			t.Errorf("before 2: %v", page)
		}
		page = s.envelope(200, john, "GET", "/chats/"+chatID+"/messages?afterSeq=0&limit=2", "")
		if m := page["data"].([]any); len(m) != 2 || m[0].(map[string]any)["seq"] != 1.0 || page["nextCursor"] != "2" {
			t.Errorf("after 0: %v", page)
		}

		if read := data(s.envelope(200, john, "POST", "/chats/"+chatID+"/read", `{"upToSeq":2}`)); read["readSeq"] != 2.0 || read["unreadCount"] != 1.0 {
			t.Errorf("reading up to 2: %v", read)
		}
		if read := data(s.envelope(200, john, "POST", "/chats/"+chatID+"/read", "")); read["readSeq"] != 3.0 || read["unreadCount"] != 0.0 {
			t.Errorf("reading everything: %v", read)
		}

		s.envelope(403, haven, "DELETE", "/chats/"+chatID+"/messages/"+first, "")
		for range 2 { // again is answered the same
			if d := data(s.envelope(200, john, "DELETE", "/chats/"+chatID+"/messages/"+first, "")); d["messageId"] != first || d["seq"] != 1.0 {
				t.Errorf("deleting: %v", d)
			}
		}
		chat = data(s.envelope(200, haven, "GET", "/chats/"+chatID, ""))
		if m := chat["messages"].([]any)[0].(map[string]any); m["text"] != "" || m["deletedAt"] == nil || m["id"] != first {
			t.Errorf("the tombstone is %v", m)
		}
	})
}

func TestSendThroughRESTIsIdempotent(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		s := newSite(t, url)
		body := `{"productId":"12345","recipientId":2,"text":"once"}`
		first := s.envelope(201, john, "POST", "/chats/messages", body, "Idempotency-Key", "key-1")
		again := s.envelope(201, john, "POST", "/chats/messages", body, "Idempotency-Key", "key-1")
		if data(first)["id"] != data(again)["id"] || again["duplicate"] != true || first["duplicate"] == true {
			t.Errorf("got %v, then %v", first, again)
		}
		s.envelope(409, john, "POST", "/chats/messages", strings.Replace(body, "once", "twice", 1), "Idempotency-Key", "key-1")
		s.envelope(400, john, "POST", "/chats/messages", `{"productId":"12345","recipientId":2,"text":"x","clientMessageId":"a"}`, "Idempotency-Key", "b")
		s.envelope(400, john, "POST", "/chats/messages", body, "Idempotency-Key", "no blanks")
		s.limiter.wait = 1500 * time.Millisecond
		status, header, b := s.do(john, "POST", "/chats/messages", body)
		if status != 429 || header.Get("Retry-After") != "2" || !strings.Contains(string(b), `"retryAfterMs":1500`) {
			t.Errorf("over the limit: %d %v %s", status, header, b)
		}
	})
}

// Everything that is not the caller's own, and everything that cannot be, over every route.
func TestRESTRefuses(t *testing.T) { dbtest.Each(t, refusals) }

func refusals(t *testing.T, dbURL string) {
	s := newSite(t, dbURL)
	chatID, messageID := s.open("12345", "private")
	other := "019540f0-7b6a-7000-8000-000000000001"
	nobody := models.UserRef{}
	for name, c := range map[string]struct {
		user         models.UserRef
		method, path string
		body         string
		status       int
	}{
		"not mine: chat":          {jane, "GET", "/chats/" + chatID, "", 404},
		"not mine: messages":      {jane, "GET", "/chats/" + chatID + "/messages", "", 404},
		"not mine: send":          {jane, "POST", "/chats/messages", `{"chatId":"` + chatID + `","text":"x"}`, 404},
		"not mine: read":          {jane, "POST", "/chats/" + chatID + "/read", "", 404},
		"not mine: delete":        {jane, "DELETE", "/chats/" + chatID + "/messages/" + messageID, "", 404},
		"not mine: by product":    {jane, "GET", "/chats/by-product/12345/2/2", "", 404},
		"not there: chat":         {john, "GET", "/chats/" + other, "", 404},
		"not there: message":      {john, "DELETE", "/chats/" + chatID + "/messages/" + other, "", 404},
		"not an id":               {john, "GET", "/chats/1%20OR%201=1", "", 404},
		"not an id either":        {john, "GET", "/chats/messages", "", 404},
		"a message that is none":  {john, "DELETE", "/chats/" + chatID + "/messages/x", "", 404},
		"a chat id with NUL":      {john, "GET", "/chats/%00", "", 404},
		"a product with NUL":      {john, "GET", "/chats/by-product/%00/2/2", "", 404},
		"a vendor not in UTF-8":   {john, "GET", "/chats/by-product/1/%ff/2", "", 404},
		"a text with NUL":         {john, "POST", "/chats/messages", `{"chatId":"` + chatID + `","text":"\u0000"}`, 400},
		"limit 0":                 {john, "GET", "/chats?limit=0", "", 400},
		"limit -1":                {john, "GET", "/chats?limit=-1", "", 400},
		"limit NaN":               {john, "GET", "/chats?limit=NaN", "", 400},
		"a large limit is cut":    {john, "GET", "/chats?limit=1000000000", "", 200},
		"a bad cursor":            {john, "GET", "/chats?cursor=nonsense", "", 400},
		"both directions":         {john, "GET", "/chats/" + chatID + "/messages?beforeSeq=1&afterSeq=1", "", 400},
		"a negative place":        {john, "GET", "/chats/" + chatID + "/messages?afterSeq=-1", "", 400},
		"a parameter we lack":     {john, "GET", "/chats?vendorId=3", "", 400},
		"upToSeq -1":              {john, "POST", "/chats/" + chatID + "/read", `{"upToSeq":-1}`, 400},
		"upToSeq 1.5":             {john, "POST", "/chats/" + chatID + "/read", `{"upToSeq":1.5}`, 400},
		"upToSeq beyond":          {john, "POST", "/chats/" + chatID + "/read", `{"upToSeq":1000000000000000}`, 200},
		"mass assignment":         {john, "POST", "/chats/messages", `{"chatId":"` + chatID + `","text":"x","senderType":"VENDOR"}`, 400},
		"no text":                 {john, "POST", "/chats/messages", `{"chatId":"` + chatID + `","text":" \u200b"}`, 400},
		"a long text":             {john, "POST", "/chats/messages", `{"chatId":"` + chatID + `","text":"` + strings.Repeat("a", 4001) + `"}`, 400},
		"another's product":       {john, "POST", "/chats/messages", `{"productId":"published","recipientId":9,"text":"x"}`, 400},
		"nobody":                  {nobody, "GET", "/chats", "", 401},
		"an admin as a user":      {root, "GET", "/chats", "", 403},
		"a customer as an admin":  {john, "GET", "/admin/chats", "", 403},
		"a vendor as an admin":    {haven, "DELETE", "/admin/chats/" + chatID + "/messages/" + messageID, "", 403},
		"nobody as an admin":      {nobody, "GET", "/admin/stats", "", 401},
		"another method":          {root, "POST", "/admin/stats", "", 405},
		"admin: not there":        {root, "GET", "/admin/chats/" + other, "", 404},
		"admin: not an id":        {root, "GET", "/admin/chats/x/transcript", "", 404},
		"admin: a long q":         {root, "GET", "/admin/chats?q=" + strings.Repeat("a", 101), "", 400},
		"admin: q with NUL":       {root, "GET", "/admin/chats?q=%00", "", 400},
		"admin: q not in UTF-8":   {root, "GET", "/admin/chats?q=%ff", "", 400},
		"admin: a vendor as SQL":  {root, "GET", "/admin/chats?vendorId=1%20OR%201=1", "", 400},
		"admin: type with NUL":    {root, "GET", "/admin/users/%00/2", "", 404},
		"admin: year 0":           {root, "GET", "/admin/chats?from=0000-01-01T00:00:00Z", "", 200},
		"admin: a bad time":       {root, "GET", "/admin/chats?from=yesterday", "", 400},
		"admin: a bad cursor":     {root, "GET", "/admin/audit?cursor=x", "", 400},
		"admin: a bad format":     {root, "GET", "/admin/chats/" + chatID + "/transcript?format=html", "", 400},
		"admin: an unknown user":  {root, "GET", "/admin/users/customer/999", "", 404},
		"admin: an unknown type":  {root, "GET", "/admin/users/ghost/2", "", 404},
		"admin: a hostile person": {root, "GET", "/admin/users/customer/%00'--", "", 404},
		"admin: both directions":  {root, "GET", "/admin/chats/" + chatID + "/messages?beforeSeq=1&afterSeq=1", "", 400},
		"admin: deletes none":     {root, "DELETE", "/admin/chats/" + chatID + "/messages/" + other, "", 404},
	} {
		t.Run(name, func(t *testing.T) {
			s := *s
			s.t = t
			s.envelope(c.status, c.user, c.method, c.path, c.body)
		})
	}
	if chat := data(s.envelope(200, haven, "GET", "/chats/"+chatID, "")); chat["lastSeq"] != 1.0 || chat["unreadCount"] != 1.0 {
		t.Errorf("a refusal changed something: %v", chat)
	}
}
