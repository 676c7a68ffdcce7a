# `make` prints what there is. CI calls these targets and nothing else.

GO     ?= go
PYTHON ?= python3
NODE   ?= node

VERSION ?= $(shell git describe --tags --dirty 2>/dev/null || echo 0.1.0-dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)

# What is fetched or made for tests and tools lies here, and in Go's own caches.
CACHE = $(CURDIR)/.cache

# A whole book, which the Go distribution ships.
BOOK = $(shell $(GO) env GOROOT)/src/testdata/Isaac.Newton-Opticks.txt

# Packages whose tests gain most from the race detector.
RACE = ./coordinator/... ./host/... ./shells/...

.DEFAULT_GOAL := help
.PHONY: help
help: ## print this
	@awk -F ':.*## ' '/^[a-z\/]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

.PHONY: build
build: ## build bin/polybolt, which needs nothing else to run
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/polybolt ./cmd/polybolt

.PHONY: run
run: build ## count the words of a whole book, on this machine
	bin/polybolt run examples-python/wordcount --set spouts.lines.config.path=$(BOOK)

.PHONY: dev
dev: build ## a whole cluster on this machine; deploy to it from another terminal
	bin/polybolt dev

# ---- tests

.PHONY: test
test: need build vet test/go test/sdk ## everything, as CI does it

.PHONY: need
need: # what the tests need, or what to install
	@tools/need.sh

.PHONY: test/go
test/go: need # the tests written in Go, and that is all examples and commands, too
	$(GO) test -timeout 20m $(TESTFLAGS) ./...

.PHONY: test/race
test/race: need ## the tests of whatever runs concurrently, under the race detector (needs a C compiler)
	$(GO) test -race -timeout 30m $(TESTFLAGS) $(RACE)

.PHONY: test/sdk
test/sdk: # side by side: one alone leaves a core free now and then
	@$(MAKE) --no-print-directory -j2 sdk/python sdk/node

.PHONY: sdk/python
sdk/python: need ## the tests of the Python SDK, on every Python to be had
	@tools/sdk-python.sh

.PHONY: sdk/node
sdk/node: need ## the tests of the Node SDK, on several versions of Node
	@tools/sdk-node.sh

.PHONY: examples
examples: need ## run every example and compare what it prints
	$(GO) test -count=1 -v -run 'TestExample|TestCommitting|TestLookup' ./cmd/polybolt

.PHONY: soak
soak: need ## kill at random for SOAK=30m in a cluster with three topologies, and look for leaks
	SOAK=$(or $(SOAK),30m) $(GO) test -count=1 -v -tags chaos -timeout 0 -run TestSoak ./host/hosttest

.PHONY: scale
scale: need ## 500 workers in 100 supervisors on a real ZooKeeper (some minutes)
	POLYBOLT_SCALE=1 $(GO) test -count=1 -v -timeout 30m -run TestD60Scale ./host/nimbus

.PHONY: repeat
repeat: need ## the tests that inject faults, again and again (TIMES=20)
	$(GO) test -count=$(or $(TIMES),20) -timeout 0 -run 'Kill|Fault|Chaos|Crash|Committing|Lookup|Skeleton|Guard|Death|Dies' ./cmd/polybolt $(RACE)

.PHONY: chaos
chaos: need ## put a cluster through every fault, and print what each cost (some minutes)
	$(GO) test -count=1 -v -tags chaos -timeout 30m -run TestChaos ./host/hosttest

.PHONY: fuzz
fuzz: ## every fuzz test in turn (FUZZTIME=1m each)
	@GO='$(GO)' tools/fuzz.sh $(or $(FUZZTIME),1m)

.PHONY: bench
bench: build ## measure what bench/RESULTS.md reports (BENCHFLAGS='-only start')
	$(GO) build -o bin/bench ./bench
	CGO_ENABLED=0 $(GO) build -trimpath -tags nofigures -ldflags '$(LDFLAGS)' -o bin/polybolt-nofigures ./cmd/polybolt
	bin/bench -polybolt bin/polybolt -without bin/polybolt-nofigures -python '$(PYTHON)' -node '$(NODE)' $(BENCHFLAGS)

# ---- the web page

.PHONY: ui
ui: ## build host/ui/dist, which is committed and embedded, from host/ui/web
	cd host/ui/web && npm ci --no-audit --no-fund && npx tsc --noEmit && $(NODE) build.mjs

.PHONY: screenshots
screenshots: need ## remake the pictures in docs/screenshots, of a real cluster in a real browser
	POLYBOLT_SCREENSHOTS=$(CURDIR)/docs/screenshots $(GO) test -count=1 -timeout 30m -run TestScreenshots ./host/ui

# ---- the code itself

.PHONY: check
check: fmt vet staticcheck ## what takes a minute before a commit: formatting, vet, staticcheck, imports, quick tests
	$(GO) test -short -run 'TestImports|TestDeps|TestEdges' ./host
	$(GO) test ./host/acker ./host/stream ./host/topology ./host/scheduler ./multilang/...

.PHONY: fmt
fmt: ## format the Go code; fail if some was not formatted
	@changed=$$(gofmt -l -w bench cmd coordinator host multilang shells tools); \
	if [ -n "$$changed" ]; then echo "formatted:"; echo "$$changed"; exit 1; fi

.PHONY: vet
vet: ## go vet, also of what is built on demand only
	$(GO) vet ./...
	$(GO) vet -tags chaos ./host/hosttest
	$(GO) vet -tags nofigures ./host/worker

.PHONY: staticcheck
staticcheck: # its version is pinned in tools/lint/go.mod
	$(GO) tool -modfile=tools/lint/go.mod staticcheck ./...

.PHONY: lint
lint: vet staticcheck ## all linters of Go, Python, JavaScript and shell that are to be had
	@GO='$(GO)' PYTHON='$(PYTHON)' tools/lint.sh

.PHONY: clean
clean: ## remove what was built and fetched
	rm -rf bin $(CACHE) shells/node/.cache shells/node/node_modules
	rm -rf examples-python/*/vendor examples-js/*/node_modules
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
