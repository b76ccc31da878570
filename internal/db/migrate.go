package db

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// ErrNewerSchema means that a newer release has migrated this database.
var ErrNewerSchema = errors.New("the database was migrated by a newer release of chaffer; start that release, or restore a backup made before the upgrade")

// Migrate brings the schema up to what this binary knows and returns the names of the
// migrations it applied, oldest first. Nodes that start together take turns (a session lock on
// Postgres), so each migration runs once. A newer schema is ErrNewerSchema and nothing is touched.
func (d *DB) Migrate(ctx context.Context) ([]string, error) {
	provider, err := d.provider()
	if err != nil {
		return nil, err
	}
	if err := checkVersion(ctx, provider); err != nil {
		return nil, err
	}
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate the database: %w", err)
	}
	applied := make([]string, 0, len(results))
	for _, r := range results {
		applied = append(applied, r.Source.Path)
	}
	return applied, nil
}

// SchemaVersion returns the version the database is at and the one this binary wants.
func (d *DB) SchemaVersion(ctx context.Context) (have, want int64, err error) {
	provider, err := d.provider()
	if err != nil {
		return 0, 0, err
	}
	return versions(ctx, provider)
}

func (d *DB) provider() (*goose.Provider, error) {
	files, err := fs.Sub(migrations, "migrations/"+string(d.Dialect))
	if err != nil {
		return nil, fmt.Errorf("read the embedded migrations: %w", err)
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption{
		goose.WithVerbose(false),
		goose.WithAllowOutofOrder(true), // features add theirs side by side; each stands alone
	}
	if d.Dialect == Postgres {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300), lock.WithUnlockTimeout(1, 30)) // asks every second, for five minutes
		if err != nil {
			return nil, fmt.Errorf("prepare the migration lock: %w", err)
		}
		dialect, options = goose.DialectPostgres, append(options, goose.WithSessionLocker(locker))
	}
	provider, err := goose.NewProvider(dialect, d.sql, files, options...)
	if err != nil {
		return nil, fmt.Errorf("read the embedded migrations: %w", err)
	}
	return provider, nil
}

func checkVersion(ctx context.Context, provider *goose.Provider) error {
	have, want, err := versions(ctx, provider)
	if err != nil {
		return err
	}
	if have > want {
		return fmt.Errorf("%w (the database is at version %d, this binary knows %d)", ErrNewerSchema, have, want)
	}
	return nil
}

func versions(ctx context.Context, provider *goose.Provider) (have, want int64, err error) {
	have, err = provider.GetDBVersion(ctx)
	if err != nil {
		return 0, 0, fmt.Errorf("read the schema version: %w", err)
	}
	for _, source := range provider.ListSources() {
		want = max(want, source.Version)
	}
	return have, want, nil
}
