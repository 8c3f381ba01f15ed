# Everything a contributor runs. `make` lists the targets.

SHELL := /bin/bash
.DEFAULT_GOAL := help

# The version and commit are handed to the linker: what Go records by itself fails in a clone that another user owns.
export GOFLAGS := $(strip $(GOFLAGS) -buildvcs=false)
# The Go that all is built and tested with, whatever the environment says. An installed Go gets it through GOPROXY;
# `make GOTOOLCHAIN=local` takes the installed one.
export GOTOOLCHAIN := $(shell sed -n 's/^toolchain //p' go.mod)
VERSION        ?= $(shell git describe --tags --dirty --match 'v*' 2> /dev/null)
COMMIT         ?= $(shell git describe --always --dirty --abbrev=40 --exclude '*' 2> /dev/null)
# Every time in the image is that of the commit.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2> /dev/null)

# make image: for what platforms (empty: all that are supported), and the name to push to, registry/name:tag.
PLATFORMS      ?=
IMAGE          ?=

# make run: where data is kept, and the loopback addresses.
DATA           ?= .data
REST_ADDRESS   ?= 127.0.0.1:4200
ETCD_PORT      ?= 12379
APISERVER_PORT ?= 16443
# ARGS are handed to the operator by `make run`, and to the benchmark by `make bench`, `bench-quick` and `bench-prefect`.
ARGS           ?=

# make plugin-dist: where its archives will be downloaded from (empty: the releases of the project).
URL            ?=

# make install, make dist: the image that the manifests name, where it is another one than that of config/manager.
IMAGE          ?=
# make dist: the version of the chart, which must be a semantic one.
CHART_VERSION  ?= $(if $(VERSION),$(patsubst v%,%,$(VERSION)),0.0.0)

MODULE   := github.com/taskrun-dev/taskrun-operator
LDFLAGS   = -s -w -X $(MODULE)/internal/version.version=$(VERSION) -X $(MODULE)/internal/version.commit=$(COMMIT)
PACKAGES := ./...
# Packages of one process each start an API server of their own: more than two at once only get in each other's way.
PARALLEL ?= 2
# make test-versions: the releases of Kubernetes, of those that hack/assets knows.
RELEASES ?= oldest middle newest
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

# rulecost reads the CRD, thirdparty the components, hack/monitoring the alerts, hack/gitops the health checks, which lie
# outside their modules: Go would not notice a change and give the last result.
.PHONY: test
test: test-assets bin/helm ## Run all tests, those that need an API server included
	@hack/test/run.sh -- $(RACE) -p $(PARALLEL) -timeout 20m -tags apiserver $(PACKAGES)
	@go test -C hack/cluster -count=1 ./rulecost
	@go test -C hack/image ./...
	@go test -C hack/packaging -count=1 ./thirdparty
	@go test -C hack/monitoring -count=1 ./...
	@go test -C hack/gitops -count=1 ./...

.PHONY: test-e2e
test-e2e: ## Install into a cluster of one real node, use it, kill it, roll it, remove it (needs root on Debian; about 3 minutes, 10 more the first time)
	@test/e2e/run.sh '$(DATA)/e2e' $(ARGS)

.PHONY: test-versions
test-versions: bin/helm ## Run the tests against an API server on the RELEASES of Kubernetes: the oldest, one in the middle and the newest
	@PARALLEL=$(PARALLEL) test/versions/run.sh $(RELEASES)

.PHONY: test-unit
test-unit: ## Run the tests that need nothing but Go (about half a minute on two cores, seconds where little has changed)
	@hack/test/run.sh -- -timeout 5m $(PACKAGES)

.PHONY: test-assets
test-assets:
	@go run ./hack/assets -kubectl always > /dev/null

.PHONY: compat
compat: test-assets build bin/run ## Send the running program all that its OpenAPI document allows, and much that it does not (needs Python)
	@test/compat/campaign.sh $(ARGS)
	@$(MAKE) --no-print-directory compat-sdk

.PHONY: compat-sdk
compat-sdk: test-assets build ## Submit, serve and await tasks with the newest and an older Prefect package, killing all that can be killed (needs Python)
	@for version in newest older; do echo "Prefect, $$version:"; \
	hack/test/run.sh -- -tags sdk -count 1 -timeout 30m ./test/sdk -prefect $$version || exit 1; done
	@hack/test/run.sh -- -tags apiserver,sdk -count 1 -run README ./test/walkthrough

.PHONY: chaos
chaos: test-assets build ## Run 1,000 tasks and 300 flows of the Prefect package while operators, workers and the API server are killed at random
	@hack/test/run.sh -- -tags sdk,chaos -count 1 -timeout 60m -run TestChaos ./test/sdk $(ARGS)

.PHONY: bench
bench: test-assets build ## Measure writes against a bare client-go loop, reads, memory and cold starts
	@go run ./test/bench $(ARGS)

.PHONY: bench-quick
bench-quick: test-assets build ## Print ratios of writes, background runs, listeners and reads (under three minutes)
	@go run ./test/bench -quick $(ARGS)

.PHONY: bench-prefect
bench-prefect: test-assets build ## Measure beside a real Prefect server (installs it into .data with Python; minutes to tens of them)
	@go run ./test/bench/prefect $(ARGS)

# The packages where a wrong sign loses a run; after a colon, the files of a package, if they are not all.
MUTANTS ?= internal/orchestration internal/concurrency internal/delivery internal/usecase \
	internal/taskrun:begin,cache,delivery,id_claim,rules

.PHONY: mutants
mutants: ## Change single operators of the MUTANTS packages, and fail if no test fails (an hour or more; not in CI)
	@nice go run ./hack/mutants $(ARGS) $(MUTANTS)

##@ Image

# hack/image is a module of its own: what it needs to know of registries is no part of the operator.
image_options = -platforms '$(1)' -image '$(IMAGE)' -version '$(VERSION)' -commit '$(COMMIT)' -epoch '$(SOURCE_DATE_EPOCH)'
image_tool    = go run -C hack/image . $(1) -root '$(CURDIR)' $(call image_options,$(PLATFORMS))

.PHONY: image
image: ## Build the container image for linux/amd64 and linux/arm64, or PLATFORMS, into dist/ (no container engine needed)
	@$(call image_tool,build)

.PHONY: image-push
image-push: ## Push what `make image` built to IMAGE=registry/name:tag
	@$(call image_tool,push)

.PHONY: image-verify
image-verify: ## Build the image for this machine, or PLATFORMS, twice, in two folders, the second time without a cache, and compare (minutes)
	@hack/image/verify.sh $(call image_options,$(or $(PLATFORMS),linux/$(shell go env GOARCH)))

##@ kubectl plugin

.PHONY: plugin
plugin: ## Build bin/kubectl-taskrun for this machine: put it into your PATH, then `kubectl taskrun`
	@go build -trimpath -ldflags "$(LDFLAGS)" -o bin/kubectl-taskrun ./cmd/kubectl-taskrun

.PHONY: plugin-dist
plugin-dist: ## Build the plugin for six platforms, or PLATFORMS, and its Krew manifest into dist/; VERSION=v1.2.3, URL=where the archives will be
	@go run ./hack/plugin -version '$(VERSION)' -commit '$(COMMIT)' -epoch '$(SOURCE_DATE_EPOCH)' -platforms '$(PLATFORMS)' -url '$(URL)'

##@ Install

KUBECTL = $(shell go run ./hack/assets -kubectl always)/kubectl

.PHONY: install
install: ## Install into the cluster of the current context, from config/default
	@hack/dist.sh manifests '$(KUBECTL)' '$(IMAGE)' | $(KUBECTL) apply --server-side -f -

.PHONY: uninstall
uninstall: ## Remove what `make install` made, but for the kinds: all runs would go with those
	@hack/dist.sh without-kinds '$(KUBECTL)' | $(KUBECTL) delete --ignore-not-found -f -

.PHONY: dist
dist: test-assets bin/helm ## Write dist/install.yaml and the chart; IMAGE=registry/name:tag for the image they name
	@hack/dist.sh all '$(KUBECTL)' '$(IMAGE)' '$(CHART_VERSION)'

# Helm, built from source.
bin/helm: hack/packaging/go.mod hack/packaging/go.sum
	@echo "building Helm: about 2 minutes on two cores the first time" >&2
	@go build -C hack/packaging -trimpath -o ../../$@ helm.sh/helm/v4/cmd/helm

##@ Develop

.PHONY: build
build: ## Build bin/taskrun-operator
	@go build -trimpath -ldflags "$(LDFLAGS)" -o bin/taskrun-operator ./cmd/taskrun-operator

.PHONY: generate
generate: ## Write the generated files: deepcopy, CRD, RBAC, field reference
	@hack/generate.sh

.PHONY: verify
verify: ## Fail if a generated file is stale, or the program calls code with a known vulnerability
	@hack/verify.sh

.PHONY: lint
lint: bin/golangci-lint ## Run the linters
	@bin/golangci-lint run --build-tags apiserver,sdk,chaos,e2e ./...
	@cd hack/image && ../../bin/golangci-lint run --config ../../.golangci.yml ./...

.PHONY: fmt
fmt: bin/golangci-lint ## Format the code
	@bin/golangci-lint fmt ./...
	@cd hack/image && ../../bin/golangci-lint fmt --config ../../.golangci.yml ./...

# golangci-lint with kube-api-linter built in.
bin/golangci-lint: hack/tools/go.mod hack/tools/go.sum
	@echo "building golangci-lint: about 3 minutes on two cores the first time" >&2
	@go build -C hack/tools -o ../../$@ sigs.k8s.io/kube-api-linter/cmd/golangci-lint-kube-api-linter

.PHONY: clean
clean: ## Remove what was built (bin/, dist/); the data of `make run` stays
	@rm -rf bin dist

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-zA-Z_-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
