# make demo    a page where you upload a video, watch it encode and play it
# make test    everything that must hold before a commit
# make help    the other targets

# Every module is built with its own go.mod, as a consumer gets it. go.work is for
# editors.
export GOWORK := off

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup demo check lint fmt test test-go test-e2e test-consumer golangci-lint clean

help: ## show the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-14s %s\n", $$1, $$2}'

setup: ## bring what is missing: ffmpeg, a C compiler, Node.js, npm packages, Chromium
	@internal/scripts/setup.sh

demo: ## build and run the demo server; ARGS="-addr :9000" go to the server
	@internal/scripts/demo.sh $(ARGS)

test: setup check test-go test-consumer test-e2e ## check the code, run all Go tests with -race, then the browser tests
	@echo "all of it passed"

# Parts of make test

check: ## gofmt, go vet (Linux, macOS), build for Windows, linters, tidy modules
	@internal/scripts/check.sh

lint: ## golangci-lint with the import rules
	@internal/scripts/check.sh lint

fmt: ## format the Go code
	@gofmt -w $$(git ls-files -co --exclude-standard '*.go')

test-go: ## Go tests of every module, with -race
	@internal/scripts/setup.sh ffmpeg gcc
	@internal/scripts/test-go.sh

test-e2e: ## browser tests; T=test/page.test.js for one file
	@internal/scripts/setup.sh ffmpeg node clients chromium
	@internal/scripts/test-e2e.sh $(T)

test-consumer: ## a module outside this repository builds and tests without ffmpeg
	@internal/scripts/consumer.sh

# golangci-lint is pinned in a module of its own.
LINT := .cache/bin/golangci-lint
golangci-lint: $(LINT)
$(LINT): internal/tools/lint/go.mod internal/tools/lint/go.sum
	@mkdir -p $(@D)
	@echo "building golangci-lint"
	@go -C internal/tools/lint build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

clean: ## remove what was built and fetched here
	@rm -rf .cache bin dist internal/e2e/node_modules examples/server/web/vendor/hls.*

# S3 --------------------------------------------------------------------------

include internal/s3test/Makefile.inc

# Benchmarks, fuzzing and corpus: by hand, never in make test -------------------

.PHONY: bench bench-encode bench-copy bench-playable bench-resume bench-slots bench-serve bench-upload bench-soak fuzz corpus corpus-variants seams torture

# The collection of real files, and where tables go.
VODKIT_MEDIA ?= $(abspath ../shared/media)
OUT ?= results.tsv

bench: bench-encode bench-copy bench-playable bench-resume bench-slots bench-serve bench-crowd ## all benchmarks; each prints ratios and fails where a gate is missed

bench-encode: ## CPU and wall time of a whole encode in windows against the reference command; ROUNDS=n
	@internal/scripts/setup.sh ffmpeg
	@go build -o .cache/bin/bench-encode ./internal/bench/encode
	@.cache/bin/bench-encode -rounds $(or $(ROUNDS),3) -out results-bench-encode.tsv

bench-copy: ## CPU of repackaging a source against encoding it; ROUNDS=n
	@internal/scripts/setup.sh ffmpeg
	@go build -o .cache/bin/bench-copy ./internal/bench/copy
	@.cache/bin/bench-copy -rounds $(or $(ROUNDS),3) -out results-bench-copy.tsv

bench-playable bench-resume bench-slots: bench-%: ## time to playable, CPU of a killed encode, two slots against one; SECONDS=600 ROUNDS=3
	@internal/scripts/setup.sh ffmpeg
	@go build -o .cache/bin/bench-windows ./internal/bench/windows
	@.cache/bin/bench-windows -seconds $(or $(SECONDS),$(if $(filter slots,$*),120,600)) -rounds $(or $(ROUNDS),3) $*

bench-serve: ## segments and playlists beside nginx, http.FileServer and a bare handler; ROUNDS=n SECONDS=n, ONLY=part of a case, PROFILES=folder
	@internal/scripts/setup.sh bench
	@go build -o .cache/bin/bench-serve ./internal/bench/serve
	@.cache/bin/bench-serve -rounds $(or $(ROUNDS),5) -seconds $(or $(SECONDS),4) -only "$(ONLY)" -out results-bench-serve.tsv $(if $(PROFILES),-profiles "$(PROFILES)")

# tusd is pinned in a module of its own.
TUSD := .cache/bin/tusd
$(TUSD): internal/tools/tusd/go.mod internal/tools/tusd/go.sum
	@mkdir -p $(@D)
	@echo "building tusd"
	@go -C internal/tools/tusd build -o $(CURDIR)/$@ github.com/tus/tusd/v2/cmd/tusd

bench-upload: $(TUSD) ## 1 GiB by tus to vodkit and to tusd, on the disk of DIR: speed and memory; ROUNDS=n
	@go build -o .cache/bin/bench-upload ./internal/bench/resumable
	@.cache/bin/bench-upload -tusd $(TUSD) -rounds $(or $(ROUNDS),5) -dir "$(DIR)" -out results-bench-upload.tsv

bench-soak: ## a handler over a cache under 2,000 slow viewers for FOR=10m: memory, goroutines, descriptors
	@go build -o .cache/bin/bench-soak ./internal/bench/soak
	@.cache/bin/bench-soak -for $(or $(FOR),10m) -connections $(or $(CONNECTIONS),2000) -out results-bench-soak.tsv

fuzz: ## run every fuzz target for FUZZTIME=10m; ONLY=regexp on "package Target", JOBS=n at a time
	@FUZZTIME="$(FUZZTIME)" ONLY="$(ONLY)" JOBS="$(JOBS)" OUT=results-fuzz.tsv internal/scripts/fuzz.sh

corpus: ## send every file of VODKIT_MEDIA through the demo server; OUT=results.tsv, ONLY=part of a path
	@internal/scripts/setup.sh ffmpeg
	@go -C examples build -o $(CURDIR)/.cache/bin/vodkit-demo ./server
	@go build -o .cache/bin/corpus ./internal/corpus
	@.cache/bin/corpus -server .cache/bin/vodkit-demo -media "$(VODKIT_MEDIA)" -out "$(OUT)" -only "$(ONLY)"

corpus-variants: ## damage the files of VODKIT_MEDIA in 500 ways and encode them; SEED=n, N=500, ONLY=part of a path
	@internal/scripts/setup.sh ffmpeg
	@go build -o .cache/bin/variants ./internal/corpus/variants
	@.cache/bin/variants -media "$(VODKIT_MEDIA)" -seed $(or $(SEED),1) -n $(or $(N),500) -only "$(ONLY)" -out results-variants.tsv

seams: ## compare windows with one pass, frame by frame, for every kind of source and the files of VODKIT_MEDIA; OUT=results.tsv, ONLY=part of a name
	@internal/scripts/setup.sh ffmpeg
	@VODKIT_SEAMS="$(abspath $(OUT))" VODKIT_MEDIA="$(VODKIT_MEDIA)" go test -count=1 -timeout 2h -run 'TestSeamsMatrix$(if $(ONLY),/$(ONLY))' ./encoder/ffmpeg

torture: ## kill and freeze processes at random and check what must hold; SEED=n, ENCODER=ffmpeg
	@go build -o .cache/bin/torture ./internal/torture
	@.cache/bin/torture $(if $(SEED),-seed $(SEED)) -encoder $(or $(ENCODER),fake) $(ARGS)
