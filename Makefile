# Everything a contributor runs. `make` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The version and commit are handed to the linker: what Go records by itself fails in a clone that another user owns.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)
VERSION        ?= $(shell git describe --tags --match 'v*' 2> /dev/null)
COMMIT         ?= $(shell git rev-parse HEAD 2> /dev/null)

# make run: where data is kept, and the loopback addresses.
DATA           ?= .data
REST_ADDRESS   ?= 127.0.0.1:4200
ETCD_PORT      ?= 12379
APISERVER_PORT ?= 16443
# ARGS are handed to the operator by `make run`, and to the benchmark by `make bench` and `make bench-prefect`.
ARGS           ?=

MODULE   := github.com/taskrun-dev/taskrun-operator
PACKAGES := ./...
# Packages of one process each start an API server of their own: more than two at once only get in each other's way.
PARALLEL ?= 2
# The race detector needs a C compiler; a machine without one runs the same tests without it.
RACE     ?= $(if $(shell command -v "$${CC:-cc}" 2> /dev/null),-race)

##@ Run

.PHONY: run
run: assets build bin/run ## Start etcd, kube-apiserver and the operator on this machine; Ctrl-C stops them
	@exec bin/run -data '$(DATA)' -rest-address '$(REST_ADDRESS)' -etcd-port '$(ETCD_PORT)' -apiserver-port '$(APISERVER_PORT)' -- $(ARGS)

.PHONY: bin/run
bin/run:
	@go build -o $@ ./hack/run

.PHONY: assets
assets: ## Get etcd, kube-apiserver and kubectl (found, downloaded or built; the first build takes about 5 minutes)
	@go run ./hack/assets > /dev/null

##@ Test

# rulecost reads the CRD, and hack/monitoring the alerts, which lie outside their modules: Go would not notice a change and
# give the last result.
.PHONY: test
test: test-assets bin/testsum ## Run all tests, those that need an API server included
	@set -o pipefail; go test -json $(RACE) -p $(PARALLEL) -timeout 20m -tags apiserver $(PACKAGES) 2>&1 | bin/testsum
	@go test -C hack/cluster -count=1 ./rulecost
	@go test -C hack/monitoring -count=1 ./...

.PHONY: test-unit
test-unit: bin/testsum ## Run the tests that need nothing but Go (under 30 s)
	@set -o pipefail; go test -json -timeout 5m $(PACKAGES) 2>&1 | bin/testsum

.PHONY: test-assets
test-assets:
	@go run ./hack/assets -kubectl always > /dev/null

.PHONY: bin/testsum
bin/testsum:
	@go build -o $@ ./hack/testsum

.PHONY: compat
compat: test-assets build bin/run ## Send the running program all that its OpenAPI document allows, and much that it does not (needs Python)
	@test/compat/campaign.sh $(ARGS)
	@$(MAKE) --no-print-directory compat-sdk

.PHONY: compat-sdk
compat-sdk: test-assets build bin/testsum ## Submit, serve and await tasks with the newest and an older Prefect package, killing all that can be killed (needs Python)
	@set -o pipefail; for version in newest older; do echo "Prefect, $$version:"; \
	go test -json -tags sdk -count 1 -timeout 30m ./test/sdk -prefect $$version | bin/testsum || exit 1; done

.PHONY: chaos
chaos: test-assets build bin/testsum ## Run 1,000 tasks of the Prefect package while operators, workers and the API server are killed at random
	@set -o pipefail; go test -json -tags sdk,chaos -count 1 -timeout 40m -run TestChaos ./test/sdk $(ARGS) | bin/testsum

.PHONY: bench
bench: test-assets build ## Measure writes against a bare client-go loop, reads, memory and cold starts
	@go run ./test/bench $(ARGS)

.PHONY: bench-prefect
bench-prefect: test-assets build ## Measure beside a real Prefect server (installs it into .data with Python; minutes to tens of them)
	@go run ./test/bench/prefect $(ARGS)

##@ Develop

.PHONY: build
build: ## Build bin/taskrun-operator
	@go build -trimpath -ldflags "-s -w -X $(MODULE)/internal/version.version=$(VERSION) -X $(MODULE)/internal/version.commit=$(COMMIT)" -o bin/taskrun-operator ./cmd

.PHONY: generate
generate: ## Write the generated files: deepcopy, CRD, RBAC, field reference
	@hack/generate.sh

.PHONY: verify
verify: ## Fail if a generated file is stale
	@hack/verify.sh

.PHONY: lint
lint: bin/golangci-lint ## Run the linters
	@bin/golangci-lint run --build-tags apiserver,sdk,chaos ./...

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code
	@bin/golangci-lint fmt ./...

# golangci-lint with kube-api-linter built in.
bin/golangci-lint: hack/tools/go.mod hack/tools/go.sum
	@echo "building golangci-lint: about 3 minutes on two cores the first time" >&2
	@go build -C hack/tools -o ../../$@ sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter

.PHONY: clean
clean: ## Remove what was built (bin/); the data of `make run` stays
	@rm -rf bin

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z_-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
