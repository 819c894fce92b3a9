#!/usr/bin/env bash
# Builds and runs the demo. Arguments go to the server: internal/scripts/demo.sh -addr :9000
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh

internal/scripts/setup.sh ffmpeg
# The page works without hls.js too, and says so.
internal/scripts/setup.sh player || echo "hls.js could not be fetched; the page will use the browser's own player." >&2
mkdir -p "$cache/bin"
say "building the demo server (the first time takes a minute)"
GOWORK=off go -C examples build -o "$cache/bin/vodkit-demo" ./server
exec "$cache/bin/vodkit-demo" -sample "$@"
