#!/usr/bin/env bash
# Every check and test against the built and installed extension, as CI runs them. Ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
log=$(mktemp) background=$(mktemp)
trap 'rm -f "$log" "$background"' EXIT
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
stage "unit" bash scripts/unit.sh

# Each of the following keeps about one core busy, or waits for servers that start, so two go on at a time; what those
# in the background print comes when they are done.
{
  stage "regress" bash scripts/regress.sh
  stage "wire" bash scripts/wire.sh
  stage "tap, first part" bash scripts/tap.sh "${tap[@]:0:first}"
} >"$background" 2>&1 &
stage "test points" bash scripts/test_points.sh
stage "tap, second part" bash scripts/tap.sh "${tap[@]:first}"
wait
cat "$background"
stage "endurance" bash scripts/endurance.sh

echo "=== summary"
grep -E 'passed' "$log"
awk -F'[:,]' '/passed/ { split($(NF-1), p, " "); split($NF, f, " "); passed += p[1]; failed += f[1] }
  END { printf "%d passed, %d failed\n", passed, failed; exit failed > 0 || passed == 0 }' "$log"
