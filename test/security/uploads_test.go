package security

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"time"

	"chaffer/internal/models"
	"chaffer/internal/upload/picture/picturetest"
)

func picture() []byte { return picturetest.PNG(picturetest.Drawing(8, 8)) }

// upload sends files in one form and returns the answer.
func (s *site) upload(u models.UserRef, files ...[]byte) answer {
	s.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, f := range files {
		p, _ := w.CreateFormFile("file", "../../x.jpg")
		_, _ = p.Write(f)
	}
	_ = w.Close()
	return s.rest(u, "POST", "/api/v1/uploads", b.String(), "Content-Type", w.FormDataContentType())
}

// oddForm is a form with a file of any name, behind as many other fields.
func oddForm(file []byte, name string, fields int) (body, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := range fields {
		_ = w.WriteField(fmt.Sprint("f", i), "x")
	}
	p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="` + name + `"`}})
	_, _ = p.Write(file)
	_ = w.Close()
	return b.String(), w.FormDataContentType()
}

var uploadRows = []attack{
	{number: "T54", name: "somebody else's picture", rest: true, writes: true, run: func(s *site) string {
		mine := s.upload(john, picture())
		id, _ := mine.field("data.id").(string)
		address, _ := mine.field("data.imageUrl").(string)
		path := address[strings.Index(address, "/media/"):]
		s.want(404, jane, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t54","recipientId":2,"text":"x","messageImages":[%q]}`, id))
		s.want(200, nobody, "GET", path, "")
		s.want(404, nobody, "GET", "/media/"+id, "")
		s.want(403, nobody, "GET", strings.Replace(path, "e=1", "e=2", 1), "")
		s.want(403, nobody, "GET", path+"0", "")
		sent := s.want(201, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t54","recipientId":2,"text":"","messageImages":[%q]}`, id))
		s.want(400, john, "POST", "/api/v1/chats/messages", `{"productId":"t54","recipientId":2,"text":"","messageImages":[1]}`)
		s.want(404, john, "POST", "/api/v1/chats/messages", fmt.Sprintf(`{"productId":"t54","recipientId":2,"text":"","messageImages":[%q]}`, id))
		chatID, messageID := sent.field("data.chatId"), sent.field("data.id")
		s.want(200, john, "DELETE", fmt.Sprintf("/api/v1/chats/%s/messages/%s", chatID, messageID), "")
		s.want(404, nobody, "GET", path, "")
		return "404 in a message, 404 without a signature, 403 with a changed one; gone with its message"
	}},
	{number: "T79", name: "files that are no pictures", rest: true, run: func(s *site) string {
		for _, f := range []string{`<svg xmlns="http://www.w3.org/2000/svg"/>`, "<html><script>1</script>", "%PDF-1.4", "PK\x03\x04", "GIF89a=1;alert(1)", "\xff\xd8\xff\xe0"} {
			if a := s.upload(john, []byte(f)); a.status != 415 {
				s.Errorf("%.10q: %d %s", f, a.status, a.body)
			}
		}
		return "415: the content decides"
	}},
	{number: "T81", name: "pixels without end", rest: true, run: func(s *site) string {
		if a := s.upload(john, picturetest.Flood(60_000, 60_000)); a.status != 413 {
			s.Errorf("%d %s", a.status, a.body)
		}
		return "refused by its header, before anything is decoded"
	}},
	{number: "T82", name: "too large, too many, odd names", rest: true, writes: true, run: func(s *site) string {
		if a := s.upload(john, append(picture(), make([]byte, 5<<20)...)); a.status != 413 {
			s.Errorf("5 MB: %d", a.status)
		}
		if a := s.upload(john, picture(), picture()); a.status != 400 {
			s.Errorf("two files: %d", a.status)
		}
		if a := s.upload(john); a.status != 400 {
			s.Errorf("none: %d", a.status)
		}
		for name, want := range map[string]int{"../../../../tmp/x.png": 201, "x\x00.png": 201, strings.Repeat("n", 300) + ".png": 201, "": 400} {
			b, kind := oddForm(picture(), name, 0)
			if a := s.rest(john, "POST", "/api/v1/uploads", b, "Content-Type", kind); a.status != want && a.status != 400 || contains(string(a.body), "tmp", "nnnn") {
				s.Errorf("name %.20q: %d %s", name, a.status, a.body)
			}
		}
		b, kind := oddForm(picture(), "x.png", 10_000)
		if a := s.rest(john, "POST", "/api/v1/uploads", b, "Content-Type", kind); a.status != 400 && a.status != 413 {
			s.Errorf("10,000 parts: %d", a.status)
		}
		large, kind := oddForm(append(picture(), make([]byte, 8<<20)...), "x.png", 0)
		req, _ := http.NewRequest("POST", s.url+"/api/v1/uploads", io.MultiReader(strings.NewReader(large))) // no length is known
		req.Header.Set("Authorization", "Bearer "+token(john, time.Hour))
		req.Header.Set("Content-Type", kind)
		if res, err := http.DefaultClient.Do(req); err == nil { // else it was cut while it still sent
			_ = res.Body.Close()
			if res.StatusCode != 413 || req.ContentLength != 0 {
				s.Errorf("8 MB in chunks: %d", res.StatusCode)
			}
		}
		return "413 and 400, in chunks too; the name is not used for anything"
	}},
	{number: "T85", name: "how pictures are served", rest: true, writes: true, run: func(s *site) string {
		a := s.upload(john, picture())
		address, _ := a.field("data.imageUrl").(string)
		p := s.want(200, nobody, "GET", address[strings.Index(address, "/media/"):], "")
		for header, want := range map[string]string{"Cache-Control": "private", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox", "Content-Type": "image/png"} {
			if !strings.Contains(p.header.Get(header), want) {
				s.Errorf("%s: %q", header, p.header.Get(header))
			}
		}
		s.want(404, nobody, "GET", "/media/00000000-0000-7000-8000-000000000000", "")
		return "private, nosniff, sandbox, the type it is kept as; guessing 404"
	}},
}
