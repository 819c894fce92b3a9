#!/usr/bin/env bash
# Runs every fuzz target of every module, each for the same time, and writes a table.
# It fails where a target has a finding: the input is then in the target's
# testdata/fuzz, to be fixed, kept and committed.
#
#   FUZZTIME=10m   for each target
#   JOBS=1         how many at a time; each takes one worker and about one core
#   ONLY=regexp    only those whose "package Target" matches
#   OUT=results-fuzz.tsv
set -euo pipefail
cd "$(dirname "$0")/../.."
. internal/scripts/lib.sh
export GOWORK=off FUZZTIME=${FUZZTIME:-10m} OUT=${OUT:-results-fuzz.tsv}
logs=$cache/fuzz

# targets prints "module package Target", a line each. It stops where one does not build.
targets() {
  local m list
  for m in $(modules | grep -v '^\./internal/tools/'); do
    list=$(go -C "$m" test -list '^Fuzz' ./...) || die "can't list the targets of $m: $list"
    awk -v m="$m" '/^Fuzz/ { t[n++] = $1 } $1 == "ok" { for (i = 0; i < n; i++) print m, $2, t[i]; n = 0 }' <<<"$list"
  done
}

# fuzz runs one target and adds its row to the table. Minimizing is kept short: on
# inputs that take long, it would eat the time.
fuzz() {
  local m=$1 package=$2 target=$3 result=ok log execs new
  log=$logs/$(tr -c 'A-Za-z0-9\n' _ <<<"$package").$target.log
  say "$package $target, $FUZZTIME"
  go -C "$m" test -run '^$' -fuzz "^$target\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 200ms -parallel 1 "$package" \
    >"$log" 2>&1 || result=failed
  # Where the time is up while go test starts or minimizes an input, it says so and fails.
  if [ "$result" != ok ] && grep -qx ' *context deadline exceeded' "$log" && ! grep -q 'Failing input' "$log"; then
    result=ok
  fi
  if [ "$result" != ok ]; then
    result=$(sed -n 's/.*Failing input written to \(.*\)/finding: \1/p' "$log" | tail -1)
    [ -n "$result" ] || result="failed: see $log"
  fi
  execs=$(grep -o 'execs: [0-9]*' "$log" | tail -1 | cut -d' ' -f2 || true)
  new=$(grep -o 'new interesting: [0-9]*' "$log" | tail -1 | cut -d' ' -f3 || true)
  printf '%s\t%s\t%s\t%s\t%s\n' "$package" "$target" "${execs:-0}" "${new:-0}" "$result" | tee -a "$OUT"
  [ "$result" = ok ] || sed 's/^/    /' "$log" | tail -40
}

if [ "${1:-}" = one ]; then
  fuzz "$2" "$3" "$4"
  exit
fi
mkdir -p "$logs"
list=$(targets)
list=$(awk -v only="${ONLY:-}" '$2 " " $3 ~ only' <<<"$list")
[ -n "$list" ] || die "no fuzz target matches ONLY=$ONLY"
printf 'package\ttarget\texecs\tnew interesting\tresult\n' >"$OUT"
xargs -P "${JOBS:-1}" -L 1 internal/scripts/fuzz.sh one <<<"$list"
say "written: $OUT"
! awk -F'\t' 'NR > 1 && $5 != "ok"' "$OUT" | grep . || die "findings"
