GOLANGCI_LINT_VERSION := v2.15.0
LINT := bin/golangci-lint
TOOL := go tool -modfile=tools/go.mod
MODULES := . benchmarks examples/routers tools tools/testcount tools/browsertest tools/servers tools/minio

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "%-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: fmt
fmt: $(LINT) ## format and modernise the code
	$(LINT) fmt ./...
	go fix ./...

.PHONY: check
check: tidy-check fmt-check vet lint test ## what a change must pass

.PHONY: fmt-check
fmt-check: $(LINT) ## fail when make fmt would change something
	$(LINT) fmt --diff ./...
	go fix -diff ./...

.PHONY: test
test: ## run every test (installs what is missing on Debian)
	./scripts/test

.PHONY: servers
servers: ## start the object stores of the tests in the background and print their environment
	@./scripts/servers start

.PHONY: test-long
test-long: ## run the suite many times and fuzz for long (hours)
	./scripts/test-long

.PHONY: vet
vet: ## go vet
	go vet ./...

.PHONY: lint
lint: $(LINT) ## golangci-lint, with the layer rules
	$(LINT) run ./...

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (10s)
	./scripts/fuzz

.PHONY: bench
bench: ## run the benchmarks eight times and summarise
	@mkdir -p bin
	go test -C benchmarks -run '^$$' -bench . -benchmem -count 8 ./... | tee bin/bench.txt
	$(TOOL) benchstat bin/bench.txt

.PHONY: tidy-check
tidy-check: ## fail when a go.mod is not tidy or a module was tampered with
	@for module in $(MODULES); do echo "tidy $$module" && (cd $$module && go mod tidy -diff && go mod verify) || exit 1; done

.PHONY: deps
deps: ## rewrite docs/dependencies.txt and show what changed
	@mkdir -p docs
	go list -deps -f '{{with .Module}}{{if not .Main}}{{.Path}}{{end}}{{end}}' ./... | sort -u > docs/dependencies.txt
	@git --no-pager diff --stat -- docs/dependencies.txt

.PHONY: deadcode
deadcode: ## list functions that nothing calls
	$(TOOL) deadcode -test ./...

# Kept out of tools/go.mod: as a tool it would need hundreds of requirements.
$(LINT):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
