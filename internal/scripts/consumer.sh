#!/usr/bin/env bash
# A module outside this repository, as a consumer has one: it builds against this
# clone, and tests its service with the fake encoder on a machine without ffmpeg.
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh
export GOWORK=off GOFLAGS=-mod=mod

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
for file in internal/scripts/testdata/consumer/*.go.txt; do
  cp "$file" "$dir/$(basename "$file" .txt)"
done
cat >"$dir/go.mod" <<EOF
module consumer.example/service

go $(awk '$1 == "go" { print $2 }' go.mod)

require github.com/vodkit/vodkit v0.0.0

replace github.com/vodkit/vodkit => $PWD
EOF

say "a consumer's module in $dir"
go -C "$dir" mod tidy
go -C "$dir" vet ./...
go -C "$dir" test -c -o service.test .
say "its test, without ffmpeg on PATH"
(cd "$dir" && PATH=/nonexistent ./service.test -test.v -test.timeout 2m)

# What a consumer's go.sum must not get from us: web frameworks, brokers, and the SDKs
# of clouds whose buckets nobody has imported.
unwanted=$(go -C "$dir" list -deps ./... | grep -E 'gin-gonic|labstack|go-chi|nats-io|aws-sdk|cloud.google.com|azure-sdk' || true)
[ -z "$unwanted" ] || die "the library pulls in $unwanted"
