package upload

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	"chaffer/internal/upload/picture/picturetest"
)

var (
	john = models.UserRef{Type: models.TypeCustomer, ID: "2"}
	jane = models.UserRef{Type: models.TypeCustomer, ID: "3"}
)

const secret = "a-secret-of-the-upload-tests-32-bytes-long"

// studio is the feature behind its routes, on a real database and a real folder.
type studio struct {
	*httptest.Server
	t       *testing.T
	dir     string
	db      *db.DB
	service *Service
	now     time.Time
}

func newStudio(t *testing.T, url string, change ...func(*Settings)) *studio {
	t.Helper()
	d, err := db.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if _, err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	st := &studio{t: t, dir: t.TempDir(), db: d, now: db.Now()}
	files, err := NewDisk(st.dir)
	if err != nil {
		t.Fatal(err)
	}
	settings := Settings{PerDay: 100, Secret: []byte(secret), Now: func() time.Time { return st.now }}
	for _, c := range change {
		c(&settings)
	}
	log := slog.New(slog.DiscardHandler)
	st.service = NewService(d, files, settings, log)
	t.Cleanup(st.service.Close)
	v, err := auth.NewVerifier(t.Context(), auth.VerifierOptions{Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	r := chi.NewRouter()
	r.Group(func(r chi.Router) {
		r.Use(auth.NewGuard(v, nil, nil, log).Require(models.TypeCustomer, models.TypeVendor))
		Register(r, httpjson.NewSpec("t", "1", ""), st.service)
	})
	RegisterMedia(r, st.service)
	st.Server = httptest.NewServer(r)
	t.Cleanup(st.Server.Close)
	return st
}

// form is a multipart body with files in the given field.
func form(field string, files ...[]byte) (string, []byte) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		p, _ := w.CreateFormFile(field, "../../x\"\r\n.jpg")
		_, _ = p.Write(f)
	}
	_ = w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func (st *studio) post(u models.UserRef, contentType string, body []byte) (int, map[string]any) {
	st.t.Helper()
	req, _ := http.NewRequest(http.MethodPost, st.URL+"/api/v1/uploads", bytes.NewReader(body))
	req.Header.Set("Content-Type", contentType)
	if !u.IsZero() {
		token, err := auth.Mint(secret, auth.Claims{User: u}, time.Hour)
		if err != nil {
			st.t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := st.Client().Do(req)
	if err != nil {
		st.t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		st.t.Fatal(err)
	}
	return res.StatusCode, out
}

// upload sends one picture and returns its data.
func (st *studio) upload(u models.UserRef, picture []byte) map[string]any {
	st.t.Helper()
	contentType, body := form("file", picture)
	status, out := st.post(u, contentType, body)
	if status != 201 {
		st.t.Fatalf("upload: %d %v", status, out)
	}
	return out["data"].(map[string]any)
}

func (st *studio) get(address string) (int, http.Header, []byte) {
	st.t.Helper()
	res, err := st.Client().Get(st.URL + address)
	if err != nil {
		st.t.Fatal(err)
	}
	defer res.Body.Close()
	b, _ := io.ReadAll(res.Body)
	return res.StatusCode, res.Header, b
}

func (st *studio) files() (names []string) {
	_ = filepath.WalkDir(st.dir, func(p string, d os.DirEntry, _ error) error {
		if d != nil && !d.IsDir() {
			names = append(names, p)
		}
		return nil
	})
	return names
}

func TestAPictureComesBackClean(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		st := newStudio(t, url)
		trailer := []byte("<?php system($_GET['x']); ?><script>alert(1)</script>")
		for name, c := range map[string]struct {
			body []byte
			mime string
		}{
			"png":           {append(picturetest.PNG(picturetest.Drawing(40, 30)), trailer...), "image/png"},
			"jpeg":          {append(picturetest.WithEXIF(picturetest.JPEG(picturetest.Drawing(40, 30)), 1), trailer...), "image/jpeg"},
			"gif":           {append(picturetest.GIF(3, 40, 30), trailer...), "image/gif"},
			"webp, opaque":  {picturetest.WebPLossy, "image/jpeg"},
			"webp lossless": {picturetest.WebPLossless, "image/png"},
		} {
			data := st.upload(john, c.body)
			if data["mimeType"] != c.mime {
				t.Errorf("%s: kept as %v", name, data["mimeType"])
			}
			status, h, b := st.get(data["imageUrl"].(string))
			if status != 200 || h.Get("Content-Type") != c.mime || h.Get("X-Content-Type-Options") != "nosniff" ||
				!strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || !strings.HasPrefix(h.Get("Cache-Control"), "private") {
				t.Errorf("%s: served %d %v", name, status, h)
			}
			if bytes.Contains(b, []byte("php")) || bytes.Contains(b, []byte("GPS")) || bytes.Contains(b, []byte("Exif")) {
				t.Errorf("%s: something else than the picture came back", name)
			}
			if http.DetectContentType(b) != c.mime || float64(len(b)) != data["size"] {
				t.Errorf("%s: %d bytes of %s", name, len(b), http.DetectContentType(b))
			}
			if status, h, b := st.get(data["thumbnailUrl"].(string)); status != 200 || h.Get("Content-Type") != "image/jpeg" || http.DetectContentType(b) != "image/jpeg" {
				t.Errorf("%s: thumbnail %d %v", name, status, h)
			}
		}
	})
}

func TestWhatIsRefused(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		st := newStudio(t, url)
		ok := picturetest.PNG(picturetest.Drawing(4, 4))
		for name, c := range map[string]struct {
			files [][]byte
			want  int
		}{
			"svg":                 {[][]byte{[]byte(`<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>`)}, 415},
			"html":                {[][]byte{[]byte("<!doctype html><script>alert(1)</script>")}, 415},
			"pdf":                 {[][]byte{[]byte("%PDF-1.7\n")}, 415},
			"zip":                 {[][]byte{[]byte("PK\x03\x04aaaaaaaaaaaaaaaaaaaaaaaa")}, 415},
			"jpeg marker alone":   {[][]byte{{0xFF, 0xD8, 0xFF, 0xE0}}, 415},
			"gif and javascript":  {[][]byte{[]byte("GIF89a=1/*aaaaaaaaaa*/;alert(1)")}, 415},
			"truncated png":       {[][]byte{ok[:len(ok)/2]}, 415},
			"truncated gif":       {[][]byte{picturetest.GIF(2, 8, 8)[:40]}, 415},
			"pixel flood":         {[][]byte{picturetest.Flood(60_000, 60_000)}, 413},
			"just too many":       {[][]byte{picturetest.Flood(5001, 5000)}, 413},
			"5,000 frames":        {[][]byte{picturetest.GIF(5000, 1, 1)}, 413},
			"large frames":        {[][]byte{picturetest.GIF(60, 1000, 1000)}, 413},
			"5 MB and a byte":     {[][]byte{append(ok, make([]byte, MaxBytes+1-len(ok))...)}, 413},
			"two files":           {[][]byte{ok, ok}, 400},
			"an empty file":       {[][]byte{{}}, 400},
			"no file":             {nil, 400},
			"an enormous request": {[][]byte{make([]byte, 3*MaxBytes)}, 413},
		} {
			contentType, body := form("file", c.files...)
			if status, out := st.post(john, contentType, body); status != c.want || out["statusCode"] != float64(c.want) || out["error"] != true {
				t.Errorf("%s: %d %v", name, status, out)
			}
		}
		contentType, body := form("picture", ok)
		if status, _ := st.post(john, contentType, body); status != 400 {
			t.Errorf("another field: %d", status)
		}
		if status, _ := st.post(john, "image/png", ok); status != 415 {
			t.Errorf("no form: %d", status)
		}
		contentType, body = form("file", ok)
		if status, _ := st.post(models.UserRef{}, contentType, body); status != 401 {
			t.Errorf("nobody: %d", status)
		}
		if status, _ := st.post(models.UserRef{Type: models.TypeAdmin, ID: "1"}, contentType, body); status != 403 {
			t.Errorf("an admin: %d", status)
		}
		if left := st.files(); len(left) != 0 {
			t.Errorf("files stayed: %v", left)
		}
	})
}

func TestAddressesExpireAndBind(t *testing.T) {
	st := newStudio(t, dbtest.SQLite(t))
	data := st.upload(john, picturetest.PNG(picturetest.Drawing(8, 8)))
	other := st.upload(jane, picturetest.PNG(picturetest.Drawing(9, 9)))
	address, id := data["imageUrl"].(string), data["id"].(string)
	_, query, _ := strings.Cut(address, "?")
	for name, c := range map[string]struct {
		address string
		want    int
	}{
		"as it is":          {address, 200},
		"without signature": {"/media/" + id, 404},
		"not an id":         {"/media/x?" + query, 404},
		"another picture":   {"/media/" + other["id"].(string) + "?" + query, 403},
		"another variant":   {address + "&v=t", 403},
		"a later expiry":    {strings.Replace(address, "e=1", "e=2", 1), 403},
		"another signature": {address + "x", 403},
	} {
		if status, _, b := st.get(c.address); status != c.want {
			t.Errorf("%s: %d %s", name, status, b)
		}
	}
	st.now = st.now.Add(3 * time.Hour)
	if status, _, _ := st.get(address); status != 403 {
		t.Errorf("expired: %d", status)
	}
	if status, _, _ := st.get(st.service.Links().Picture("00000000-0000-7000-8000-000000000000")); status != 404 {
		t.Errorf("signed but not there: %d", status)
	}
}

func TestQuotaAndRoom(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		st := newStudio(t, url, func(s *Settings) { s.PerDay = 2 })
		picture := picturetest.PNG(picturetest.Drawing(4, 4))
		st.upload(john, picture)
		st.upload(john, picture)
		contentType, body := form("file", picture)
		status, out := st.post(john, contentType, body)
		if wait, _ := out["retryAfterMs"].(float64); status != 429 || wait < 1000*3600*23 {
			t.Errorf("the third: %d %v", status, out)
		}
		st.upload(jane, picture)
		st.now = st.now.Add(25 * time.Hour)
		st.upload(john, picture)

		st.service.files = fullDisk{st.service.files}
		if status, _ := st.post(jane, contentType, body); status != 507 {
			t.Errorf("a full disk: %d", status)
		}
	})
}

// fullDisk has room for nothing.
type fullDisk struct{ Files }

func (fullDisk) Room(context.Context, int64) error { return ErrNoRoom }

func TestTheUnusedAndTheDeletedAreCollected(t *testing.T) {
	dbtest.Each(t, func(t *testing.T, url string) {
		st := newStudio(t, url)
		unused, deleted := st.upload(john, picturetest.PNG(picturetest.Drawing(4, 4))), st.upload(john, picturetest.PNG(picturetest.Drawing(4, 4)))
		if n := len(st.files()); n != 4 {
			t.Fatalf("%d files", n)
		}
		err := st.db.Model(&models.Attachment{}).Where("id = ?", deleted["id"]).Update("deleted_at", st.now).Error
		if err != nil {
			t.Fatal(err)
		}
		if status, _, _ := st.get(deleted["imageUrl"].(string)); status != 404 {
			t.Errorf("deleted, and served: %d", status)
		}
		if err := st.service.Collect(t.Context()); err != nil || len(st.files()) != 2 {
			t.Errorf("after the deletion: %v, %v", st.files(), err)
		}
		st.now = st.now.Add(25 * time.Hour)
		if err := st.service.Collect(t.Context()); err != nil || len(st.files()) != 0 {
			t.Errorf("a day later: %v, %v", st.files(), err)
		}
		if status, _, _ := st.get(st.service.Links().Picture(unused["id"].(string))); status != 404 {
			t.Errorf("collected, and served: %d", status)
		}
		var rows int64
		if st.db.Model(&models.Attachment{}).Count(&rows); rows != 0 {
			t.Errorf("%d rows stay", rows)
		}
	})
}

func TestOneTooManyAtOnce(t *testing.T) {
	st := newStudio(t, dbtest.SQLite(t))
	for range maxInFlight {
		leave, err := st.service.enter(john)
		if err != nil {
			t.Fatal(err)
		}
		defer leave()
	}
	contentType, body := form("file", picturetest.PNG(picturetest.Drawing(4, 4)))
	if status, _ := st.post(john, contentType, body); status != int(apperr.TooMany) {
		t.Errorf("one more: %d", status)
	}
	st.upload(jane, picturetest.PNG(picturetest.Drawing(4, 4)))
}
