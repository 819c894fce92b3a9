#!/usr/bin/env bash
# Go tests with the race detector, in every module of ours, each with its own go.mod
# alone (as a consumer gets it) and not with go.work.
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh
export GOWORK=off CGO_ENABLED=1

for m in $(modules | grep -v '^\./internal/tools/'); do
  say "go test -race: $m"
  go -C "$m" test -race -timeout 20m ./...
done
say "go build with go.work"
GOWORK=$PWD/go.work go build ./... ./examples/...
