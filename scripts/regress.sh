#!/usr/bin/env bash
# SQL tests (sql/, expected/) and isolation tests (test/isolation) against the installed extension, in a throw-away
# cluster. The SQL tests run twice: with the best SIMD tier of this machine and with the baseline.
# usage: scripts/regress.sh [name of a test]...
#        scripts/regress.sh --isolation FOLDER [name of a spec]...   those specs alone
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
harness=$(dirname "$("${PG_CONFIG:-pg_config}" --pgxs)")/../test
[ -x "$harness/regress/pg_regress" ] || harness=$(dirname "$(pg_config --pgxs)")/../test
bin=$("${PG_CONFIG:-pg_config}" --bindir)

isolation=
if [ "${1:-}" = --isolation ]; then
  isolation=$2
  shift 2
fi

# setup.sql makes what the others use.
tests=(setup)
if [ $# -gt 0 ]; then
  tests+=("$@")
else
  for file in sql/*.sql; do
    name=$(basename "$file" .sql)
    [ "$name" = setup ] || tests+=("$name")
  done
fi

# Counts the lines of a summary and prints them in the form that verify.sh adds up.
report() {
  local passed failed
  passed=$(grep -cE '^(test .* ok |ok [0-9])' "$2" || true)
  failed=$(grep -cE '^(test .* (FAILED|failed)|not ok [0-9])' "$2" || true)
  echo "$1: $passed passed, $failed failed"
  [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
}

run() {
  local name=$1 harness_program=$2 input=$3
  shift 3
  local output
  output=$(mktemp -d "${TMPDIR:-/tmp}/quiver-regress.XXXXXX")
  [ "$(id -u)" = 0 ] && chown "${QUIVER_RUN_AS:-postgres}" "$output"
  chmod 755 "$output"
  local status=0
  bash scripts/temp_cluster.sh -c max_prepared_transactions=4 -- "$harness_program" --bindir="$bin" --inputdir="$input" --outputdir="$output" \
    --dbname=quiver_regress --load-extension=plpgsql "$@" >"$output/summary" 2>&1 || status=$?
  grep -E '^(test |ok |not ok )' "$output/summary" || cat "$output/summary"
  if [ $status != 0 ]; then
    cat "$output/regression.diffs" 2>/dev/null || true
    grep -vE '^(test |ok |=)' "$output/summary" | tail -n 40
  fi
  report "$name" "$output/summary" || status=1
  rm -rf "$output"
  return $status
}

# run_specs NAME FOLDER [spec]...: all specs of the folder when none is named.
run_specs() {
  local name=$1 folder=$2
  shift 2
  local specs=("$@")
  if [ $# = 0 ]; then
    for file in "$folder"/specs/*.spec; do specs+=("$(basename "$file" .spec)"); done
  fi
  run "$name" "$harness/isolation/pg_isolation_regress" "$root/$folder" "${specs[@]}"
}

result=0
if [ -n "$isolation" ]; then
  run_specs "isolation of $isolation" "$isolation" "$@" || result=1
  exit $result
fi
run "sql" "$harness/regress/pg_regress" "$root" "${tests[@]}" || result=1
if [ $# = 0 ]; then
  PGOPTIONS='-c quiver.simd_tier=baseline' run "sql, baseline tier" "$harness/regress/pg_regress" "$root" "${tests[@]}" || result=1
  run_specs "isolation" test/isolation || result=1
fi
exit $result
