package pictures

import (
	"bytes"
	"context"
	"encoding/json"
	"image"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/models"
	"chaffer/internal/server"
)

const secret = "a-secret-of-the-picture-tests-32-bytes-long"

var john = models.UserRef{Type: models.TypeCustomer, ID: "2"}

// node is a whole node whose settings point to a store.
type node struct {
	t    *testing.T
	url  string
	stop func() // ends it and waits
}

// startNode runs one until the test ends, or stop.
func startNode(t *testing.T, database string, s *store) *node {
	t.Helper()
	env := map[string]string{
		"DATABASE_URL": database, "JWT_SECRET": secret, "S3_ENDPOINT": s.address, "S3_BUCKET": bucket, "S3_ACCESS_KEY": "key", "S3_SECRET_KEY": "secret",
		"S3_REGION": "us-east-1", "UPLOAD_DIR": t.TempDir(),
	}
	cfg, err := config.Load(func(k string) (string, bool) { v, ok := env[k]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	running, err := server.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- running.Serve(ctx, ln) }()
	stopped := false
	n := &node{t: t, url: "http://" + ln.Addr().String()}
	n.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the node ended with %v", err)
		}
	}
	t.Cleanup(n.stop)
	return n
}

// do sends a request as John, or as nobody for a picture's address.
func (n *node) do(method, path, contentType string, body []byte) (int, []byte) {
	n.t.Helper()
	req, err := http.NewRequest(method, n.url+path, bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	if !strings.HasPrefix(path, "/media/") {
		token, err := auth.Mint(secret, auth.Claims{User: john}, time.Hour)
		if err != nil {
			n.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return res.StatusCode, b
}

// want fails the test unless the answer has a status; it returns the data of the envelope.
func (n *node) want(status int, method, path, body string) map[string]any {
	n.t.Helper()
	got, b := n.do(method, path, "application/json", []byte(body))
	if got != status {
		n.t.Fatalf("%s %s: expected %d, got %d %.300s", method, path, status, got, b)
	}
	var envelope struct{ Data map[string]any }
	_ = json.Unmarshal(b, &envelope) // other shapes have no data that a test reads
	return envelope.Data
}

// upload sends a picture of w×h pixels.
func (n *node) upload(w, h int) (int, map[string]any) {
	n.t.Helper()
	var form bytes.Buffer
	m := multipart.NewWriter(&form)
	part, err := m.CreateFormFile("file", "x.png")
	if err != nil {
		n.t.Fatal(err)
	}
	if err := png.Encode(part, image.NewNRGBA(image.Rect(0, 0, w, h))); err != nil {
		n.t.Fatal(err)
	}
	_ = m.Close()
	status, b := n.do(http.MethodPost, "/api/v1/uploads", m.FormDataContentType(), form.Bytes())
	var out map[string]any
	if err := json.Unmarshal(b, &out); err != nil {
		n.t.Fatalf("%d %.300s", status, b)
	}
	return status, out
}

// keep uploads a picture that is accepted; it returns its id and its two addresses.
func (n *node) keep(w, h int) (id, picture, thumbnail string) {
	n.t.Helper()
	status, out := n.upload(w, h)
	data, _ := out["data"].(map[string]any)
	if status != http.StatusCreated || data == nil {
		n.t.Fatalf("upload: %d %v", status, out)
	}
	path := func(field string) string {
		s, _ := data[field].(string)
		return s[strings.Index(s, "/media/"):]
	}
	id, _ = data["id"].(string)
	return id, path("imageUrl"), path("thumbnailUrl")
}
