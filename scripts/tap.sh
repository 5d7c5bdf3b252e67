#!/usr/bin/env bash
# TAP tests (test/tap) against the installed extension: crashes, standbys, damaged pages. Each makes its own servers.
# usage: scripts/tap.sh [test/tap/name.pl]...
set -euo pipefail
cd "$(dirname "$0")/.."
config=${PG_CONFIG:-pg_config}
harness=$(dirname "$("$config" --pgxs)")/../test
[ -d "$harness/perl" ] || harness=$(dirname "$(pg_config --pgxs)")/../test
tests=("$@")
[ ${#tests[@]} -gt 0 ] || tests=(test/tap/*.pl)
output=$(mktemp -d "${TMPDIR:-/tmp}/quiver-tap.XXXXXX")
trap 'rm -rf "$output"' EXIT
as_user=()
if [ "$(id -u)" = 0 ]; then
  chown "${QUIVER_RUN_AS:-postgres}" "$output"
  as_user=(runuser -u "${QUIVER_RUN_AS:-postgres}" --)
fi
chmod 755 "$output"
# The clone may lie where the unprivileged user cannot go.
cp -r test/tap "$output/tests"
cp test/points/*.pl "$output/tests/"
cp bench/sample/words.tsv.gz "$output/"
# What a test disables to get a plan makes that plan seem dear: each such statement would be compiled first.
echo 'jit = off' >"$output/servers.conf"
cd "$output"
export TEMP_CONFIG=$output/servers.conf
export PATH="$("$config" --bindir):$PATH" PG_REGRESS="$harness/regress/pg_regress" TESTDATADIR="$output" TESTLOGDIR="$output"
export TESTDIR="$output" enable_injection_points=no QUIVER_SAMPLE=$output/words.tsv.gz
passed=0
failed=0
for test in "${tests[@]}"; do
  start=$SECONDS
  if ! "${as_user[@]}" env PGOPTIONS= perl -I"$harness/perl" -Itests "tests/$(basename "$test")" >"$output/out" 2>&1; then
    grep -vE '^ok ' "$output/out" | tail -n 60
    [ -s "$output/out" ] && grep -qE '^not ok ' "$output/out" || failed=$((failed + 1))
  fi
  ok=$(grep -cE '^ok ' "$output/out" || true)
  bad=$(grep -cE '^not ok ' "$output/out" || true)
  echo "$(basename "$test"): $ok ok, $bad not ok, $((SECONDS - start)) s"
  passed=$((passed + ok))
  failed=$((failed + bad))
done
echo "tap: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
