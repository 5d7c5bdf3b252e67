#!/usr/bin/env bash
# Every check and test against the built and installed extension, as CI runs them. Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp) first_lane=$(mktemp) second_lane=$(mktemp)
trap 'rm -f "$log" "$first_lane" "$second_lane"' EXIT
tap=(test/tap/*.pl)
first=$((2 * ${#tap[@]} / 3))

# A stage prints "name: N passed, N failed"; one that ends badly without saying so counts as a failure.
stage() {
  local name=$1
  shift
  echo "=== $name"
  local start=$SECONDS output status
  output=$(mktemp)
  "$@" 2>&1 | tee "$output"
  status=${PIPESTATUS[0]}
  local summaries
  summaries=$(grep -E '^[^:]+: [0-9]+ passed, [0-9]+ failed$' "$output" || true)
  if [ "$status" != 0 ] && ! grep -qE ', [1-9][0-9]* failed$' <<<"$summaries"; then
    summaries="$name: 0 passed, 1 failed"$'\n'"$summaries"
    echo "$name: ended with status $status"
  fi
  echo "$summaries" >>"$log"
  rm -f "$output"
  echo "=== $name took $((SECONDS - start)) s"
}

stage "walls" bash scripts/check_walls.sh
stage "tiers" bash scripts/check_tiers.sh
stage "sql files" bash scripts/check_sql.sh
stage "format" bash scripts/format.sh --check

# Servers that start, and sessions that wait for each other, leave a core idle half of the time, so three go on at a time
# on two cores; what those in the background print comes when they are done.
{
  stage "unit" bash scripts/unit.sh
} >"$first_lane" 2>&1 &
{
  stage "regress" bash scripts/regress.sh
  stage "wire" bash scripts/wire.sh
  stage "tap, first part" bash scripts/tap.sh "${tap[@]:0:first}"
} >"$second_lane" 2>&1 &
stage "test points" bash scripts/test_points.sh
stage "tap, second part" bash scripts/tap.sh "${tap[@]:first}"
wait
cat "$first_lane" "$second_lane"
# How soon a statement stops is measured: nothing else runs.
stage "endurance" bash scripts/endurance.sh

echo "=== summary"
grep -E 'passed' "$log"
awk -F'[:,]' '/passed/ { split($(NF-1), p, " "); split($NF, f, " "); passed += p[1]; failed += f[1] }
  END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$log"
