package upload

import (
	"context"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"chaffer/internal/apperr"
	"chaffer/internal/auth"
	"chaffer/internal/httpjson"
	"chaffer/internal/models"
	"chaffer/internal/upload/picture"
	"chaffer/internal/wire"
)

var (
	problemType  = reflect.TypeFor[httpjson.Problem]()
	envelopeType = reflect.TypeFor[wire.Envelope[PictureJSON]]()
)

const (
	maxRequest   = MaxBytes + 64<<10 // the picture and what multipart puts around it
	readPatience = 10 * time.Second  // without a single byte
	readTotal    = 60 * time.Second  // for the whole picture
)

// Register adds POST /api/v1/uploads. The router must let only customers and vendors in, and must
// not bound the body to less than a picture.
func Register(r chi.Router, spec *huma.OpenAPI, s *Service) {
	registry := spec.Components.Schemas
	problem := &huma.Response{Description: "Refused", Content: map[string]*huma.MediaType{
		httpjson.ProblemType: {Schema: huma.SchemaFromType(registry, problemType)},
	}}
	op := &huma.Operation{
		Method: http.MethodPost, OperationID: "uploadPicture", Path: "/api/v1/uploads", Tags: []string{"Chats"},
		Summary:     "Upload a picture for a message",
		Description: "JPEG, PNG, WebP or GIF, at most 5 MB and 25 megapixels. It is written again without metadata, upright; its id goes into messageImages.",
		Security:    []map[string][]string{{"user": {}}},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Required: []string{"file"},
				Properties: map[string]*huma.Schema{"file": {Type: huma.TypeString, Format: "binary"}}}},
		}},
		Responses: map[string]*huma.Response{"201": {Description: "Kept", Content: map[string]*huma.MediaType{
			"application/json": {Schema: huma.SchemaFromType(registry, envelopeType)},
		}}},
	}
	for _, status := range []int{400, 401, 403, 413, 415, 429, 503, 507} {
		op.Responses[strconv.Itoa(status)] = problem
	}
	spec.AddOperation(op)
	r.Post(op.Path, func(w http.ResponseWriter, r *http.Request) { s.receive(w, r) })
}

// RegisterMedia adds GET /media/{id}, which needs no token: the address is the permission.
func RegisterMedia(r chi.Router, s *Service) {
	r.Get("/media/{id}", s.serve)
	r.Head("/media/{id}", s.serve)
}

func (s *Service) receive(w http.ResponseWriter, r *http.Request) {
	id, ok := auth.FromContext(r.Context())
	if !ok {
		httpjson.Error(w, r, s.log, apperr.New(apperr.Unauthorized, "A token is needed"))
		return
	}
	a, err := s.Receive(w, r, id.User)
	if err != nil {
		httpjson.Error(w, r, s.log, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	httpjson.Write(w, http.StatusCreated, wire.Envelope[PictureJSON]{Message: "Picture has been uploaded", StatusCode: http.StatusCreated, Data: toPicture(a, s.links)})
}

// Receive keeps the one picture of a multipart request for somebody. Errors: as Add, Invalid for a
// form without exactly one file, TooLarge, Unsupported.
func (s *Service) Receive(w http.ResponseWriter, r *http.Request, owner models.UserRef) (models.Attachment, error) {
	leave, err := s.enter(owner)
	if err != nil {
		return models.Attachment{}, err
	}
	defer leave()
	ctx, cancel := context.WithTimeout(r.Context(), readTotal)
	defer cancel()
	body, err := s.file(w, r)
	if err != nil {
		w.Header().Set("Connection", "close") // the rest of the body is not waited for
		return models.Attachment{}, err
	}
	return s.Add(ctx, owner, body)
}

// file reads the one file of the form into memory, at most MaxBytes; nothing touches the disk.
func (s *Service) file(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "multipart/form-data" || params["boundary"] == "" {
		return nil, apperr.New(apperr.Unsupported, `Send the picture as multipart/form-data, in a field "file"`)
	}
	if r.ContentLength > maxRequest {
		return nil, tooLarge()
	}
	patient := &patientReader{r: http.MaxBytesReader(w, r.Body, maxRequest), c: http.NewResponseController(w), end: time.Now().Add(readTotal)}
	defer func() { _ = patient.c.SetReadDeadline(time.Time{}) }()
	parts := multipart.NewReader(patient, params["boundary"])
	part, err := parts.NextRawPart()
	if err != nil {
		return nil, unreadable(err)
	}
	if part.FormName() != "file" || part.FileName() == "" { // what the file is called is not used for anything
		return nil, apperr.New(apperr.Invalid, `The form must have one field, "file", and it must be a file`)
	}
	body, err := io.ReadAll(io.LimitReader(part, MaxBytes+1))
	switch {
	case err != nil:
		return nil, unreadable(err)
	case len(body) > MaxBytes:
		return nil, tooLarge()
	case len(body) == 0:
		return nil, apperr.New(apperr.Invalid, "The file is empty")
	}
	if _, err := parts.NextRawPart(); !errors.Is(err, io.EOF) {
		if err != nil {
			return nil, unreadable(err)
		}
		return nil, apperr.New(apperr.Invalid, "The form must hold exactly one file: send the next one in a request of its own")
	}
	return body, nil
}

func (s *Service) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	id, err := uuid.Parse(chi.URLParam(r, "id"))
	if err != nil || q.Get("s") == "" || len(r.URL.RawQuery) > 200 {
		httpjson.NotFound(w, r)
		return
	}
	name, variant := id.String(), q.Get("v")
	left, ok := s.links.valid(name, variant, q.Get("e"), q.Get("s"))
	if !ok {
		httpjson.Error(w, r, s.log, apperr.New(apperr.Forbidden, "This address of a picture has expired: read the message again for a new one"))
		return
	}
	a, err := s.store.visible(r.Context(), name)
	if err != nil {
		httpjson.Error(w, r, s.log, err)
		return
	}
	contentType := a.MimeType
	if variant == "t" {
		name, contentType = name+thumbnailSuffix, picture.ThumbnailMime
	}
	f, err := s.files.Open(r.Context(), name)
	switch {
	case errors.Is(err, ErrNoFile):
		err = apperr.Wrap(apperr.NotFound, "Picture was not found", err)
	case err != nil: // a store that is away, mostly
		err = apperr.Wrap(apperr.Unavailable, "The picture cannot be read right now, please try again in a moment", err)
	}
	if err != nil {
		httpjson.Error(w, r, s.log, err)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Content-Disposition", "inline")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // a shop's page shows it from its own origin
	h.Set("Cache-Control", "private, immutable, max-age="+strconv.Itoa(int(left.Seconds())))
	if variant == "" {
		h.Set("Content-Length", strconv.FormatInt(a.Size, 10))
	}
	if r.Method == http.MethodHead {
		return
	}
	c := http.NewResponseController(w)
	_ = c.SetWriteDeadline(time.Now().Add(readTotal)) // who reads slower comes again
	_, _ = io.Copy(w, f)
	_ = c.SetWriteDeadline(time.Time{})
}

// patientReader waits for a client that sends slowly, but not for one that has stopped.
type patientReader struct {
	r   io.Reader
	c   *http.ResponseController
	end time.Time
}

func (p *patientReader) Read(b []byte) (int, error) {
	next := time.Now().Add(readPatience)
	if next.After(p.end) {
		next = p.end
	}
	_ = p.c.SetReadDeadline(next) // not every writer can; then the server's own bounds hold
	return p.r.Read(b)
}

func unreadable(err error) error {
	var over *http.MaxBytesError
	if errors.As(err, &over) {
		return tooLarge()
	}
	return apperr.Wrap(apperr.Invalid, "The form could not be read to its end: send it again", err)
}
