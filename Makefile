# Chaffer: what one does with it. `make` alone lists the targets.
.DEFAULT_GOAL := help
.PHONY: help run build test check contract fault fault-figures size web browser clean fuzz mutation bench bench-quick

# One way to compile for everything but the race detector, so that a fresh machine compiles each module once.
export CGO_ENABLED := 0
export GOFLAGS += -trimpath

# A release gives its own; the commit is in the binary anyway.
VERSION ?= dev

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: bin/chaffer ## build and start with demo data in data/ (needs Go alone; Ctrl-C ends it)
	@mkdir -p data
	@bin/chaffer demo
	@DIALECTS=$${DIALECTS-oneonone,expresschat,nestchat,messaging} exec bin/chaffer serve

build: bin/chaffer ## build bin/chaffer

# Go's own cache decides what is out of date; the rule always asks it.
.PHONY: bin/chaffer
bin/chaffer:
	@[ -x bin/chaffer ] || echo "building (two to four minutes the first time, a second later)"
	@go build -ldflags '-X chaffer/internal/buildinfo.version=$(VERSION)' -o bin/chaffer ./cmd/chaffer

test: ## everything: checks, Go tests, contract tests, crash test (gets Postgres and Redis itself)
	@scripts/test

contract: build ## the contract tests alone (inside scripts/services, for Postgres)
	@scripts/contract

fault: ## break two nodes for DURATION (10m) from SEED by FAULTS (all, kills, sqlite); the sums go to docs/fault-runs.jsonl
	@scripts/need redis-server redis-server
	@DURATION=$${DURATION:-10m} FAULT_RUNS=$(CURDIR)/docs/fault-runs.jsonl go test -count=1 -timeout 24h -v -run TestFaults ./test/fault

fault-figures: ## measure storms, flushes, deploys, latencies, leaks, limits; keep them in docs/fault-figures.json
	@scripts/need redis-server redis-server
	@FAULT_FIGURES=$(CURDIR)/docs/fault-figures.json go test -tags figures -count=1 -timeout 1h -v -run TestFigure ./test/fault

size: ## connect 100 times as somebody with five million messages; the figures go to docs/SECURITY-EVIDENCE.md
	@scripts/services -- go test -tags figures -count=1 -timeout 30m -v -run TestT76AtSize ./test/security -size-evidence $(CURDIR)/docs/SECURITY-EVIDENCE.md

web: ## build the pages from web/ into internal/webui/dist (needs Node)
	@scripts/web

browser: build ## the client's tests and the browser tests alone
	@scripts/browser

bench: ## measure beside other servers, half an hour, and write docs/BENCHMARKS.md (needs Postgres and Node); BENCH="-rounds 3 -duration 6s" is shorter
	@scripts/services -redis -- go run ./bench/suite $(BENCH) -out docs

bench-quick: ## the same in five minutes, printed only
	@scripts/services -redis -- go run ./bench/suite -rounds 2 -duration 2s -connects 2000 -idle 2000

fuzz: ## the fuzz targets, each for FUZZTIME (200000x)
	@scripts/fuzz

mutation: ## take guards away on a copy and see the attack table turn red
	@scripts/mutation

check: ## what needs no server: vet, formatting, tidy modules, lock files
	@scripts/check

clean: ## remove what was built; data/ stays
	rm -rf bin .cache test/contract/node_modules test/browser/node_modules test/browser/artifacts web/node_modules web/sdk/dist
