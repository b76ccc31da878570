package upload

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// S3Options name a bucket of an S3-compatible store. The bucket exists already and is private: the
// service hands every picture out itself.
type S3Options struct {
	Endpoint  string // an address such as https://s3.eu-central-1.amazonaws.com
	Bucket    string
	Region    string // "": the store's default
	AccessKey string
	SecretKey string
}

// S3 keeps files as objects of one bucket, so that several nodes share them.
type S3 struct {
	client *minio.Client
	bucket string
}

// NewS3 looks whether the bucket is there. A store that does not answer at all is logged and used when
// it does: chats do not wait for pictures. The errors are sentences for an operator.
func NewS3(ctx context.Context, o S3Options, log *slog.Logger) (*S3, error) {
	u, err := url.Parse(o.Endpoint)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("S3_ENDPOINT is not an address: expected one such as https://s3.eu-central-1.amazonaws.com")
	}
	client, err := minio.New(u.Host, &minio.Options{
		Creds: credentials.NewStaticV4(o.AccessKey, o.SecretKey, ""), Secure: u.Scheme == "https", Region: o.Region,
		BucketLookup: minio.BucketLookupPath, MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("S3_ENDPOINT cannot be used: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	found, err := client.BucketExists(ctx, o.Bucket)
	switch {
	case err != nil && minio.ToErrorResponse(err).StatusCode == 0:
		log.Warn("S3_ENDPOINT does not answer: there are no pictures until it does", "endpoint", u.Host, "err", err)
	case err != nil:
		return nil, fmt.Errorf("the bucket S3_BUCKET %q cannot be reached (are S3_ENDPOINT, S3_ACCESS_KEY and S3_SECRET_KEY right?): %w", o.Bucket, err)
	case !found:
		return nil, fmt.Errorf("there is no bucket S3_BUCKET %q: make it first, private", o.Bucket)
	}
	return &S3{client: client, bucket: o.Bucket}, nil
}

// Put implements Files.
func (s *S3) Put(ctx context.Context, name string, body []byte, mimeType string) error {
	_, err := s.client.PutObject(ctx, s.bucket, key(name), bytes.NewReader(body), int64(len(body)), minio.PutObjectOptions{
		ContentType: mimeType, CacheControl: "private",
	})
	if r := minio.ToErrorResponse(err); err != nil && (r.StatusCode == http.StatusInsufficientStorage || strings.Contains(r.Code, "QuotaExceeded") || r.Code == "XMinioStorageFull") {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return err
}

// Open implements Files.
func (s *S3) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	o, err := s.client.GetObject(ctx, s.bucket, key(name), minio.GetObjectOptions{})
	if err != nil {
		return nil, err
	}
	if _, err := o.Stat(); err != nil { // the request is only made now
		_ = o.Close()
		if minio.ToErrorResponse(err).StatusCode == http.StatusNotFound {
			return nil, ErrNoFile
		}
		return nil, err
	}
	return o, nil
}

// Delete implements Files; S3 answers the same whether the object was there.
func (s *S3) Delete(ctx context.Context, name string) error {
	return s.client.RemoveObject(ctx, s.bucket, key(name), minio.RemoveObjectOptions{})
}

// Room implements Files: a bucket says so itself when it is full.
func (s *S3) Room(context.Context, int64) error { return nil }

func key(name string) string { return "pictures/" + name }
