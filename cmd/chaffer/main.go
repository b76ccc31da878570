// Command chaffer is the chat service of an online shop: the server, and what is needed to run it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/google/uuid"
	"github.com/joho/godotenv"

	"chaffer/config"
)

func main() {
	uuid.EnableRandPool() // ids are no secrets, and asking the kernel for each costs a third of making one
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the second Ctrl-C does not wait for the first to finish
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "chaffer:", err)
		os.Exit(1)
	}
}

// program is what a command may use of the outside world.
type program struct {
	getenv         func(string) (string, bool)
	stdout, stderr io.Writer
}

type command struct {
	name, summary string
	run           func(p program, ctx context.Context, args []string) error
}

func commands() []command {
	return []command{
		{"serve", "run the service (what happens without a command, too)", program.serve},
		{"migrate", "bring the schema of the database up to date", program.migrate},
		{"demo", "fill the database with a small shop to try things on; not in production", program.demo},
		{"token", "sign a token for trying things out; not in production", program.token},
		{"config", "show the effective settings, secrets masked", program.config},
		{"openapi", "print the description of the REST surface", program.openapi},
		{"asyncapi", "print the description of the Socket.IO events", program.asyncapi},
		{"healthcheck", "ask the node of these settings whether it is ready", program.healthcheck},
		{"version", "show which build this is", program.version},
	}
}

// run is the whole program without the process around it. It returns nil after help.
func run(ctx context.Context, args []string, getenv func(string) (string, bool), stdout, stderr io.Writer) error {
	getenv, err := withDotEnv(getenv, ".env")
	if err != nil {
		return err
	}
	p := program{getenv, stdout, stderr}
	name := "serve"
	if len(args) > 0 && (len(args[0]) == 0 || args[0][0] != '-') {
		name, args = args[0], args[1:]
	} else if len(args) > 0 && (args[0] == "-h" || args[0] == "-help" || args[0] == "--help") {
		name = "help"
	}
	if name == "help" {
		p.help()
		return nil
	}
	for _, c := range commands() {
		if c.name == name {
			if err := c.run(p, ctx, args); !errors.Is(err, flag.ErrHelp) {
				return err
			}
			return nil
		}
	}
	return fmt.Errorf("%q is not a command: expected one of %s; chaffer --help explains them", name, names())
}

func (p program) help() {
	fmt.Fprint(p.stdout, "Chaffer is the chat between the customers and the vendors of an online shop.\n\nUsage: chaffer [command] [flags]\n\nCommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(p.stdout, "  %-12s %s\n", c.name, c.summary)
	}
	fmt.Fprint(p.stdout, "\nSettings come from the environment and from a file .env; .env.example explains every one.\nchaffer <command> --help shows the flags of a command.\n")
}

// flags prepares the flags of one command; its --help goes to stdout and is no failure.
func (p program) flags(name, explanation string) *flag.FlagSet {
	f := flag.NewFlagSet("chaffer "+name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {
		f.SetOutput(p.stdout)
		fmt.Fprintf(p.stdout, "Usage: chaffer %s [flags]\n\n%s\n", name, explanation)
		f.PrintDefaults()
	}
	return f
}

// parse reads the flags and refuses what is left over.
func parse(f *flag.FlagSet, args []string) error {
	// The flag package shows the usage for a mistake as well; a mistake gets a sentence instead.
	usage := f.Usage
	f.Usage = func() {}
	err := f.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		usage()
		return err
	case err != nil:
		return fmt.Errorf("%w; %s --help explains the flags", err, f.Name())
	case f.NArg() > 0:
		return fmt.Errorf("%q is more than %s takes; %s --help explains it", f.Arg(0), f.Name(), f.Name())
	}
	return nil
}

// withDotEnv adds what a file says to the environment, which wins.
func withDotEnv(getenv func(string) (string, bool), path string) (func(string) (string, bool), error) {
	file, err := godotenv.Read(path)
	if errors.Is(err, os.ErrNotExist) {
		return getenv, nil
	}
	if err != nil {
		// Not the error itself: it repeats what is in the file.
		return nil, fmt.Errorf("the file %s cannot be read: expected lines such as PORT=3000, with a value in quotes closed on its line", path)
	}
	return func(key string) (string, bool) {
		if v, ok := getenv(key); ok {
			return v, true
		}
		v, ok := file[key]
		return v, ok
	}, nil
}

func (p program) load() (config.Config, error) { return config.Load(p.getenv) }

func names() string {
	s := ""
	for i, c := range commands() {
		if i > 0 {
			s += ", "
		}
		s += c.name
	}
	return s
}
