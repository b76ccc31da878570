package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"chaffer/internal/db/dbtest/pgserver"
)

const secret = "a-secret-of-the-benchmarks-only-0123456789"

// variant is one server that is measured.
type variant struct {
	name, title string
	command     []string
	dir         string
	env         []string
	messages    string // counts the messages stored
	nodes       int    // processes of it that share a database and a Redis; 0: one, without Redis
}

type bench struct {
	o        options
	pg       *pgserver.Server
	dir      string // binaries
	variants []variant
	results  []measurement
}

// measurement is one run of one scenario on one variant.
type measurement struct {
	Scenario, Variant string
	Stored            int // rows of messages, of all runs on that database
	Figures
}

// Figures are bench/load's.
type Figures struct {
	PerSecond, P50, P99, P999                                    float64
	TransitP50, TransitP99                                       float64
	ServerCPU, PostgresCPU, LoadCPU                              float64
	Sent, Acked, Delivered, Lost, Duplicates, Reordered, Refused int
	ResidentMB, IdleKB                                           float64
	FirstError                                                   string `json:",omitempty"`
}

func (m measurement) line() string {
	if m.IdleKB > 0 {
		return fmt.Sprintf("%.1f KB each", m.IdleKB)
	}
	return fmt.Sprintf("%7.0f/s  p50 %6.1f  p99 %6.1f ms  server %5.1f  postgres %5.1f  load %4.1f µs  lost %d dup %d reordered %d refused %d",
		m.PerSecond, m.P50, m.P99, m.ServerCPU, m.PostgresCPU, m.LoadCPU, m.Lost, m.Duplicates, m.Reordered, m.Refused)
}

func newBench(ctx context.Context, o options) (*bench, error) {
	root, err := moduleRoot()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "chaffer-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{o: o, dir: dir}
	for _, pkg := range []string{"./cmd/chaffer", "./bench/bound", "./bench/load"} {
		if err := command(ctx, root, "go", "build", "-trimpath", "-o", dir+string(filepath.Separator), pkg); err != nil {
			return nil, err
		}
	}
	peer := filepath.Join(root, "bench", "peers", "node")
	if err := command(ctx, peer, "npm", "ci", "--no-audit", "--no-fund", "--silent"); err != nil {
		return nil, err
	}
	node := []string{"node", "server.mjs"}
	all := []variant{
		{name: "chaffer", title: "Chaffer, as it ships", command: []string{filepath.Join(dir, "chaffer"), "serve"}, dir: dir, env: []string{
			"HOST=127.0.0.1", "LIMIT_SENDS_PER_SECOND=1000000", "LIMIT_SENDS_PER_MINUTE=60000000", "LIMIT_PACKETS_PER_SECOND=1000000", "LIMIT_NEW_CHATS_PER_HOUR=1000000",
			"LIMIT_SOCKETS_PER_USER=100", "LIMIT_CONNECTS_PER_MINUTE_PER_IP=0", "LIMIT_CONNECTIONS_PER_IP=0"}, messages: "SELECT count(*) FROM messages"},
		{name: "chaffer-two", title: "Chaffer, two nodes over Redis, every message from one to the other", nodes: 2},
		{name: "node-single", title: "A: Node, a transaction a message", command: node, dir: peer, env: []string{"STORE=single"}, messages: "SELECT count(*) FROM messages"},
		{name: "node-group", title: "A+: Node, grouped transactions", command: node, dir: peer, env: []string{"STORE=group"}, messages: "SELECT count(*) FROM messages"},
		{name: "bound", title: "The bound: no library, no features", command: []string{filepath.Join(dir, "bound")}, dir: dir, messages: "SELECT count(*) FROM messages"},
	}
	all[1].command, all[1].dir, all[1].env, all[1].messages = all[0].command, all[0].dir, all[0].env, all[0].messages
	for _, v := range all {
		if o.wants(o.variants, v.name) {
			b.variants = append(b.variants, v)
		}
	}
	if b.pg, err = pgserver.Start(ctx, pgserver.Options{Durable: true, Settings: postgresSettings}); err != nil {
		return nil, err
	}
	return b, b.writeLog(ctx)
}

// postgresSettings keep the files of Postgres's log, to be used again as in one that has run for a while; all else is as
// Postgres comes.
var postgresSettings = []string{"min_wal_size=1GB"}

// writeLog fills a gigabyte of Postgres's log once. A file of it that is new is written twice, and all commits wait for
// that; whoever is measured first would pay it for the others.
func (b *bench) writeLog(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, b.pg.URL)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	for _, q := range []string{"SELECT count(pg_logical_emit_message(false, 'bench', repeat('x', 1 << 20))) FROM generate_series(1, 1024)", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return fmt.Errorf("fill the log of Postgres: %w", err)
		}
	}
	return nil
}

func (b *bench) close() {
	if b.pg != nil {
		_ = b.pg.Stop()
	}
	_ = os.RemoveAll(b.dir)
}

// measure runs a scenario on a variant that has a new database and new processes.
func (b *bench) measure(ctx context.Context, s scenario, v variant) (m measurement, err error) {
	database, err := b.database(ctx)
	if err != nil {
		return m, err
	}
	redis := ""
	if v.nodes > 1 {
		r, err := startRedis(ctx)
		if err != nil {
			return m, err
		}
		defer r.stop()
		redis = r.url
	}
	var bases, pids []string
	for n := range max(1, v.nodes) {
		p, err := b.start(ctx, v, n, database, redis)
		if err != nil {
			return m, err
		}
		defer func() { err = p.stop(err) }()
		bases, pids = append(bases, p.base), append(pids, strconv.Itoa(p.cmd.Process.Pid))
	}
	args := append([]string{"-url", strings.Join(bases, ","), "-pid", strings.Join(pids, ","), "-secret", secret, "-json", "-pg-pid", strconv.Itoa(b.pg.PID)}, s.args...)
	load := exec.CommandContext(ctx, filepath.Join(b.dir, "load"), args...)
	var out, said bytes.Buffer
	load.Stdout, load.Stderr = &out, &said
	if err := load.Run(); err != nil {
		return m, fmt.Errorf("load: %w: %s", err, said.String())
	}
	m.Scenario, m.Variant = s.name, v.name
	if err := json.Unmarshal(out.Bytes(), &m.Figures); err != nil {
		return m, err
	}
	conn, err := pgx.Connect(ctx, database)
	if err != nil {
		return m, err
	}
	defer conn.Close(ctx)
	if err := conn.QueryRow(ctx, v.messages).Scan(&m.Stored); err != nil {
		return m, err
	}
	if s.name != "connects" && s.name != "idle" && m.Stored != m.Acked {
		return m, fmt.Errorf("%d messages were acknowledged and %d are stored", m.Acked, m.Stored)
	}
	return m, nil
}

// database makes an empty one; the one before is dropped, so that none grows into the next run's.
func (b *bench) database(ctx context.Context) (string, error) {
	conn, err := pgx.Connect(ctx, b.pg.URL)
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	for _, q := range []string{"DROP DATABASE IF EXISTS bench WITH (FORCE)", "CREATE DATABASE bench", "CHECKPOINT"} {
		if _, err := conn.Exec(ctx, q); err != nil {
			return "", err
		}
	}
	u, err := url.Parse(b.pg.URL)
	if err != nil {
		return "", err
	}
	u.Path = "/bench"
	return u.String(), nil
}
