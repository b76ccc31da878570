package main

import (
	"context"
	"errors"
	"fmt"

	"chaffer/internal/db"
	"chaffer/internal/demo"
)

func (p program) demo(ctx context.Context, args []string) error {
	f := p.flags("demo", "Fills the database of DATABASE_URL with a small shop: products, people and chats. What is there already stays as it is.")
	if err := parse(f, args); err != nil {
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if cfg.Production() {
		return errors.New("demo data does not belong into production: set APP_ENV=development, or leave the command out")
	}
	d, err := db.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer d.Close()
	if _, err := d.Migrate(ctx); err != nil {
		return err
	}
	r, err := demo.Fill(ctx, d, "http://"+reachable(cfg), p.logger(cfg))
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "Demo data is in place: %d products, %d chats, %d messages.\n", r.Products, r.Chats, r.Messages)
	return nil
}
