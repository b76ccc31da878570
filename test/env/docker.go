package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

//go:embed compose.yaml
var composeFile string

// composed says how a service is reached when Docker Compose runs it.
type composed struct {
	service string
	port    string // inside the container
	url     string // with %s for host:port
}

// up starts the service and waits until it is healthy; Close removes it with its data.
func (c composed) up(ctx context.Context) (string, io.Closer, error) {
	project := fmt.Sprintf("chaffer-test-%d-%s", os.Getpid(), c.service)
	if _, err := compose(ctx, project, "up", "--detach", "--wait", c.service); err != nil {
		return "", nil, err
	}
	stop := closer(func() error {
		// The caller's context may be over: the containers must go all the same.
		_, err := compose(context.WithoutCancel(ctx), project, "down", "--volumes", "--timeout", "5")
		return err
	})
	address, err := compose(ctx, project, "port", c.service, c.port)
	if err != nil {
		stop.Close()
		return "", nil, err
	}
	return fmt.Sprintf(c.url, strings.TrimSpace(address)), stop, nil
}

func compose(ctx context.Context, project string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "docker", append([]string{"compose", "--project-name", project, "--file", "-"}, args...)...)
	cmd.Stdin = strings.NewReader(composeFile)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("docker compose %s: %w: %s", args[0], err, strings.TrimSpace(said.String()))
	}
	return string(out), nil
}
