#!/usr/bin/env bash
# End-to-end tests in headless Chromium, against the demo server, examples/private, examples/encrypted and examples/direct.
#
#   internal/scripts/test-e2e.sh [test files...]
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh

mkdir -p "$cache/bin"
say "building the servers"
GOWORK=off go -C examples build -o "$cache/bin/vodkit-demo" ./server
GOWORK=off go -C examples build -o "$cache/bin/vodkit-private" ./private
GOWORK=off go -C examples build -o "$cache/bin/vodkit-encrypted" ./encrypted
GOWORK=off go -C examples build -o "$cache/bin/vodkit-direct" ./direct
if [ -x "$cache/bin/versitygw" ]; then # make test-s3 builds it
  GOWORK=off go -C internal/s3test build -o "$cache/bin/s3-serve" ./serve
  export VERSITYGW="$cache/bin/versitygw" VODKIT_S3="$cache/bin/s3-serve"
fi
CHROMIUM=$(find_chromium)
[ -n "$CHROMIUM" ] || die "there is no Chromium; run make setup"
export CHROMIUM VODKIT_DEMO="$cache/bin/vodkit-demo" VODKIT_PRIVATE="$cache/bin/vodkit-private" VODKIT_ENCRYPTED="$cache/bin/vodkit-encrypted" VODKIT_DIRECT="$cache/bin/vodkit-direct"
say "end to end in $("$CHROMIUM" --version 2>/dev/null || echo "$CHROMIUM"), Node.js $(node --version)"
cd internal/e2e
if [ $# -eq 0 ]; then set -- test/*.test.js; fi
exec node --test --test-concurrency=1 --test-reporter=spec "$@"
