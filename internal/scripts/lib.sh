# What the scripts share. Source it from the repository's root.
# shellcheck shell=bash

cache="$PWD/.cache"

# A Node.js that setup.sh fetched comes first.
if [ -x "$cache/node/bin/node" ]; then
  PATH="$cache/node/bin:$PATH"
fi
export PATH

have() { command -v "$1" >/dev/null 2>&1; }
say() { printf '\n==> %s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }

# node_ok: is there a Node.js of at least version 20?
node_ok() {
  have node && [ "$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)" -ge 20 ]
}

# find_chromium prints the browser's path, or nothing.
find_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [ -n "$name" ] && have "$name"; then
      command -v "$name"
      return
    fi
  done
}

# modules prints the folder of every Go module of this repository.
modules() {
  find . \( -name node_modules -o -name .cache -o -name .git -o -name testdata \) -prune -o -name go.mod -print |
    sed 's,/go\.mod$,,' | sort
}
