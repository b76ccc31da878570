package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"chaffer/config"
	"chaffer/internal/buildinfo"
	"chaffer/internal/models"
	"chaffer/internal/server"
)

func (p program) serve(ctx context.Context, args []string) error {
	if err := parse(p.flags("serve", "Runs the service until Ctrl-C or SIGTERM, then finishes what is in flight and stops."), args); err != nil {
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	if _, set := p.getenv("GOGC"); !set {
		go new(memory).watch(ctx)
	}
	log := p.logger(cfg)
	ln, err := listen(cfg)
	if err != nil {
		return err
	}
	cfg.Port = ln.Addr().(*net.TCPAddr).Port
	srv, err := server.New(ctx, cfg, log)
	if err != nil {
		_ = ln.Close()
		return err
	}
	log.Info("The service is listening", "address", ln.Addr().String(), "env", cfg.AppEnv, "version", buildinfo.Read().Version)
	p.welcome(cfg)
	unhook := context.AfterFunc(ctx, func() { log.Info("The service is draining: it finishes what is in flight and takes nothing new") })
	defer unhook()
	if err := srv.Serve(ctx, ln); err != nil {
		return err
	}
	log.Info("The service has stopped")
	return nil
}

// logger writes for people in development and for machines in production.
func (p program) logger(cfg config.Config) *slog.Logger {
	if cfg.Production() {
		return slog.New(slog.NewJSONHandler(p.stderr, nil))
	}
	return slog.New(slog.NewTextHandler(p.stderr, nil))
}

func listen(cfg config.Config) (net.Listener, error) {
	ln, err := net.Listen("tcp", net.JoinHostPort(cfg.Host, strconv.Itoa(cfg.Port)))
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("port %d is taken on %s: stop what uses it, or choose another, for example PORT=%d", cfg.Port, cfg.Host, cfg.Port%65535+1)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("port %d may not be used by this user: choose one from 1024 up, for example PORT=3000", cfg.Port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("HOST is %q, which is not an address of this machine: expected one of its own, for example HOST=0.0.0.0", cfg.Host)
	}
	return nil, fmt.Errorf("cannot listen on HOST %q and PORT %d: expected an address of this machine, for example HOST=127.0.0.1: %w", cfg.Host, cfg.Port, err)
}

// welcome says once, in development, where things are and how to try them.
func (p program) welcome(cfg config.Config) {
	if cfg.Production() || cfg.JWTSecret == "" {
		return
	}
	base := "http://" + reachable(cfg)
	tokens := map[models.UserType]string{}
	for _, who := range []struct {
		kind     models.UserType
		id, name string
	}{{models.TypeCustomer, "2", "John Doe"}, {models.TypeVendor, "2", "Tech Haven"}, {models.TypeAdmin, "1", "Admin"}} {
		token, err := mint(cfg, models.UserRef{Type: who.kind, ID: who.id}, who.name, "", 24*time.Hour)
		if err != nil {
			return
		}
		tokens[who.kind] = token
	}
	fmt.Fprintf(p.stdout, `
Chaffer is running.

  The shop    %[1]s/demo/product/12345  (you are customer John Doe, 2)
  The vendor  %[1]s/demo/vendor         (Tech Haven, 2)
  The admin   %[1]s/admin
  API page    %[1]s/docs
  The chats   curl -s -H "Authorization: Bearer %[4]s" "%[1]s/api/v1/admin/chats?limit=3"
  Both sides  npm ci --prefix examples && node examples/two-sides.mjs %[1]s

  Tokens, valid for a day:
  customer 2 (John Doe)    %[2]s
  vendor   2 (Tech Haven)  %[3]s
  admin    1               %[4]s
  for somebody else:       %[5]s token --type customer --id 3 --name "Amina Haddad"

This is development: whoever knows the secret can sign tokens. Ctrl-C stops it.

`, base, tokens[models.TypeCustomer], tokens[models.TypeVendor], tokens[models.TypeAdmin], os.Args[0])
}
