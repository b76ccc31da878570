package server

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"github.com/go-chi/chi/v5"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/db"
	"chaffer/internal/models"
	"chaffer/internal/upload"
)

// newUploads opens the place where pictures are kept.
func newUploads(ctx context.Context, cfg config.Config, d *db.DB, log *slog.Logger) (*upload.Service, error) {
	var files upload.Files
	var err error
	if cfg.S3Bucket != "" {
		files, err = upload.NewS3(ctx, upload.S3Options{
			Endpoint: cfg.S3Endpoint, Bucket: cfg.S3Bucket, Region: cfg.S3Region, AccessKey: cfg.S3AccessKey, SecretKey: cfg.S3SecretKey,
		}, log)
	} else {
		files, err = upload.NewDisk(cfg.UploadDir)
	}
	if err != nil {
		return nil, err
	}
	secret, err := mediaSecret(cfg, log)
	if err != nil {
		return nil, err
	}
	return upload.NewService(d, files, upload.Settings{PerDay: cfg.LimitUploadsPerDay, PublicURL: mediaURL(cfg), Secret: secret}, log), nil
}

// mediaSecret is what signs the addresses of pictures.
func mediaSecret(cfg config.Config, log *slog.Logger) ([]byte, error) {
	from := cfg.MediaSecret
	if from == "" {
		from = cfg.JWTSecret
	}
	if from == "" {
		log.Warn("MEDIA_SECRET is not set: addresses of pictures end with this process; set it when there are several nodes")
		from = rand.Text()
	}
	key, err := hkdf.Key(sha256.New, []byte(from), nil, "addresses of pictures", 32)
	if err != nil {
		return nil, fmt.Errorf("derive the key of picture addresses: %w", err)
	}
	return key, nil
}

// mediaURL is where clients reach this node. In development that is known: pages of other origins,
// and clients that are no pages, get whole addresses there too.
func mediaURL(cfg config.Config) string {
	if cfg.MediaURL != "" || cfg.Production() || cfg.Port == 0 {
		return cfg.MediaURL
	}
	host := cfg.Host
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, strconv.Itoa(cfg.Port))
}

// mountUploads adds the way in for pictures; the bound of its body is its own.
func mountUploads(r chi.Router, spec *huma.OpenAPI, g *auth.Guard, uploads *upload.Service) {
	r.Group(func(r chi.Router) {
		r.Use(g.Require(models.TypeCustomer, models.TypeVendor))
		upload.Register(r, spec, uploads)
	})
}
