// Command testdb makes and drops databases in the Postgres of TEST_POSTGRES_URL, for tests
// that are not written in Go.
//
//	testdb create         prints the URL of a new, empty database
//	testdb drop URL       drops it, whoever is still connected
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "testdb:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	admin := os.Getenv("TEST_POSTGRES_URL")
	if admin == "" {
		return errors.New("TEST_POSTGRES_URL is not set: run this through scripts/services")
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	switch {
	case len(args) == 1 && args[0] == "create":
		u, err := url.Parse(admin)
		if err != nil {
			return err
		}
		u.Path = "/chaffer_test_" + strings.ToLower(rand.Text())
		if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{u.Path[1:]}.Sanitize()+" TEMPLATE template0"); err != nil {
			return err
		}
		fmt.Println(u)
		return nil
	case len(args) == 2 && args[0] == "drop":
		u, err := url.Parse(args[1])
		if err != nil {
			return err
		}
		_, err = conn.Exec(ctx, "DROP DATABASE "+pgx.Identifier{strings.TrimPrefix(u.Path, "/")}.Sanitize()+" WITH (FORCE)")
		return err
	}
	return errors.New("usage: testdb create | testdb drop URL")
}
