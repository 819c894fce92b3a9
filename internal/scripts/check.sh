#!/usr/bin/env bash
# What can be said of the code without running it: formatting, vet for every system
# that we support, the linters (with the import rules) and tidy module files.
#
#   internal/scripts/check.sh [fmt] [vet] [lint] [tidy]
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh
export GOWORK=off

# code prints the modules that hold our own code: not the tools, whose modules only
# pin a program.
code() { modules | grep -v '^\./internal/tools/'; }

check_fmt() {
  say "gofmt"
  local bad
  bad=$(find . \( -name node_modules -o -name .cache -o -name .git \) -prune -o -name '*.go' -print0 | xargs -0 gofmt -l)
  [ -z "$bad" ] || die "not formatted (make fmt does it): $bad"
}

check_vet() {
  local m
  for m in $(code); do
    say "go vet: $m"
    go -C "$m" vet ./...
  done
  say "go vet for macOS"
  GOOS=darwin CGO_ENABLED=0 go vet ./...
  say "go build for Windows"
  GOOS=windows CGO_ENABLED=0 go build ./...
}

check_lint() {
  local m
  make -s golangci-lint
  for m in $(code); do
    say "golangci-lint: $m"
    (cd "$m" && "$cache/bin/golangci-lint" run --config "$OLDPWD/.golangci.yml" --timeout 15m ./...)
  done
}

check_tidy() {
  local m
  for m in $(modules); do
    say "go mod tidy -diff: $m"
    go -C "$m" mod tidy -diff || die "run 'GOWORK=off go mod tidy' in $m"
  done
}

if [ $# -eq 0 ]; then set -- fmt vet lint tidy; fi
for what in "$@"; do
  case "$what" in
    fmt | vet | lint | tidy) "check_$what" ;;
    *) die "unknown check: $what" ;;
  esac
done
