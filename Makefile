# What there is to do here. Everything needs Go and nothing else, but for e2e; a Postgres server is found or fetched by itself.

GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
LDFLAGS := -X github.com/roster-gateway/roster/internal/command.Version=$(VERSION)
# The race detector needs a C compiler. Without one the tests run without it.
RACE ?= $(if $(shell command -v $${CC:-cc} 2>/dev/null),-race)
# Runs a command with a throw-away Postgres server.
WITH_POSTGRES := $(GO) run ./internal/testpg/run --
# What is fuzzed, and how long each target of it.
FUZZ ?= $$($(GO) list ./...)
FUZZTIME ?= 30s
# Little time goes into making inputs shorter that only cover something new: with a server, that is chance.
FUZZFLAGS ?= -fuzzminimizetime 10x

.DEFAULT_GOAL := help
.PHONY: help demo test check check-format check-vet check-generated check-contract bench soak conformance e2e fuzz build generate postgres clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

demo: build postgres ## Serve a sample organization of 2,000 people, provisioned through SCIM (stop with Ctrl-C)
	@./roster demo

test: postgres ## Run every test, with all set-up (what make check looks at is left to it)
	@test -n "$(RACE)" || echo "There is no C compiler, so the tests run without the race detector."
	$(WITH_POSTGRES) $(GO) test $(RACE) -vet=off -timeout 5m ./...

e2e: postgres ## Run roster scim against a certified OpenID provider (needs Node.js and npm)
	npm ci --prefix e2e/oidc --no-audit --no-fund
	$(WITH_POSTGRES) $(GO) test -tags e2e -count 1 -timeout 10m ./e2e/...

check: check-format check-vet check-generated check-contract ## Check format, code, generated code and the API's contract

check-format: ## Check the format of the code
	@files=$$($(GO) tool gofumpt -l .) && test -z "$$files" || { echo "Not formatted; run go tool gofumpt -w on:"; echo "$$files"; exit 1; }

check-vet: ## Look for mistakes in the code
	$(GO) vet ./...
	$(GO) tool staticcheck ./...

check-generated: ## Check that the generated code fits the schema
	@copy=$$(mktemp -d) && trap 'rm -rf "$$copy"' EXIT && \
	tar --exclude=./.git --exclude=./roster -cf - . | tar -xf - -C "$$copy" && cd "$$copy" && \
	mkdir .before && cp -r graph resolvers .before && $(GO) tool gqlgen generate && \
	diff -r .before/graph graph && diff -r .before/resolvers resolvers || \
	{ echo "The generated code does not fit the schema: run make generate."; exit 1; }

check-contract: ## Check that the schema keeps what callers rely on
	$(GO) test -run Contract ./graph/...

bench: postgres ## Measure Roster beside the least that its answers can cost: one table of ratios, in five minutes
	$(WITH_POSTGRES) $(GO) run ./bench $(BENCH_FLAGS)

soak: postgres ## Run Roster for long under concurrent writes and faults, and judge every answer: in fifteen minutes
	$(WITH_POSTGRES) $(GO) run ./internal/soak $(SOAK_FLAGS)
	$(WITH_POSTGRES) $(GO) test ./internal/command -run TestSafetyR -count 1 -timeout 15m -thorough

conformance: postgres ## Run the tests of all that a SCIM server has to do, in full size, and the audits of GraphQL over HTTP, and print what holds; then the laws, at length
	for peers in conformance internal/sim/graph/peer; do npm ci --prefix $$peers --silent --no-audit --no-fund || exit 1; done
	$(WITH_POSTGRES) $(GO) run ./conformance
	$(WITH_POSTGRES) $(GO) test ./directory ./scim ./resolvers/plan -timeout 30m -count 1 -rapid.checks=300
	$(WITH_POSTGRES) $(GO) test ./syncer -timeout 30m -count 1 -seeds=200 -kills=50 -replicas=60s
	$(WITH_POSTGRES) $(GO) test ./connector/activedirectory ./connector/azuread ./connector/sharepoint ./connector/sqldb -timeout 30m -count 1 -run TheDirectoryBecomes -seeds=200 -kills=50

fuzz: postgres ## Fuzz what reads what strangers send, each target for FUZZTIME (30s)
	@for package in $(FUZZ); do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			echo "$$package $$target" && $(WITH_POSTGRES) $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $(FUZZFLAGS) $$package || exit 1; \
		done; \
	done

build: ## Build the program roster
	CGO_ENABLED=0 $(GO) build -ldflags '$(LDFLAGS)' -o roster .

generate: ## Generate the code of the GraphQL schema
	$(GO) tool gqlgen generate

postgres: ## Make sure that there is a Postgres server to run
	@sh scripts/ensure-postgres.sh

clean: ## Remove what was built
	rm -rf roster dist
