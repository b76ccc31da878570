package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"chaffer/config"
	"chaffer/internal/auth"
	"chaffer/internal/buildinfo"
	"chaffer/internal/db"
	"chaffer/internal/models"
)

func (p program) migrate(ctx context.Context, args []string) error {
	f := p.flags("migrate", "Brings the schema of DATABASE_URL up to what this build knows. serve does the same when it starts.")
	if err := parse(f, args); err != nil {
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	d, err := db.Open(ctx, cfg.DatabaseURL)
	if err != nil {
		return err
	}
	defer d.Close()
	applied, err := d.Migrate(ctx)
	if err != nil {
		return err
	}
	if len(applied) == 0 {
		fmt.Fprintln(p.stdout, "The schema is up to date, there was nothing to do.")
	}
	for _, name := range applied {
		fmt.Fprintln(p.stdout, "Applied", name)
	}
	return nil
}

func (p program) token(_ context.Context, args []string) error {
	f := p.flags("token", "Signs a token with JWT_SECRET and prints it, and nothing else.\nExample: chaffer token --type customer --id 2 --name \"John Doe\"")
	userType := f.String("type", "", "customer, vendor or admin")
	id := f.String("id", "", "the user's id, such as 2")
	name := f.String("name", "", "what the other side sees")
	picture := f.String("picture", "", "the address of a picture")
	ttl := f.Duration("ttl", 24*time.Hour, "how long it is valid")
	if err := parse(f, args); err != nil {
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	switch t := models.UserType(*userType); {
	case cfg.Production():
		return errors.New("tokens are not signed here in production: the shop's backend signs them for users it has logged in")
	case cfg.JWTSecret == "":
		return errors.New("there is no JWT_SECRET to sign with: with JWT_PUBLIC_KEY or JWKS_URL only the owner of the private key can sign a token")
	case t != models.TypeCustomer && t != models.TypeVendor && t != models.TypeAdmin:
		return fmt.Errorf("--type is %q: expected customer, vendor or admin, for example --type customer", *userType)
	case *id == "":
		return errors.New("--id is missing: expected the user's id, for example --id 2")
	case *ttl <= 0:
		return fmt.Errorf("--ttl is %s: expected a time above zero, for example --ttl 24h", *ttl)
	}
	token, err := mint(cfg, models.UserRef{Type: models.UserType(*userType), ID: *id}, *name, *picture, *ttl)
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, token)
	return nil
}

// mint signs a token that the node of cfg will accept.
func mint(cfg config.Config, u models.UserRef, name, picture string, ttl time.Duration) (string, error) {
	return auth.Mint(cfg.JWTSecret, auth.Claims{
		User: u, Name: name, Picture: picture, Issuer: cfg.JWTIssuer, Audience: cfg.JWTAudience,
		ClaimID: cfg.JWTClaimID, ClaimType: cfg.JWTClaimType,
	}, ttl)
}

func (p program) config(_ context.Context, args []string) error {
	if err := parse(p.flags("config", "Shows the settings in effect, from the environment, .env and the defaults; secrets are masked."), args); err != nil {
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	_, err = io.WriteString(p.stdout, cfg.String())
	return err
}

func (p program) healthcheck(ctx context.Context, args []string) error {
	if err := parse(p.flags("healthcheck", "Asks /readyz of the node with these settings; fails when it is not ready. For containers and supervisors."), args); err != nil {
		return err
	}
	cfg, err := p.load()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	address := "http://" + reachable(cfg) + "/readyz"
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("%s does not answer: is the service running with the same HOST and PORT?", address)
	}
	defer res.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %d: %s", address, res.StatusCode, strings.TrimSpace(string(body)))
	}
	fmt.Fprintln(p.stdout, "ready")
	return nil
}

// reachable is where a node of these settings is found from this machine.
func reachable(cfg config.Config) string {
	host := cfg.Host
	if a, err := netip.ParseAddr(host); err == nil && a.IsUnspecified() {
		host = "127.0.0.1"
		if a.Is6() {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(cfg.Port))
}

func (p program) version(_ context.Context, args []string) error {
	f := p.flags("version", "Shows which build this is.")
	sbom := f.Bool("sbom", false, "print the modules this binary is made of instead, as CycloneDX JSON")
	if err := parse(f, args); err != nil {
		return err
	}
	if *sbom {
		return p.print(billOfMaterials())
	}
	fmt.Fprintln(p.stdout, "chaffer", buildinfo.Read())
	return nil
}
