#!/usr/bin/env bash
# What only shows after a while: memory that grows (memory), statements that do not stop when they are cancelled (cancel).
# usage: scripts/endurance.sh [memory|cancel [how often]]; both, shortly, without arguments.
set -euo pipefail
cd "$(dirname "$0")/.."
output=$(mktemp)
trap 'rm -f "$output"' EXIT
tests=("${1:-memory}")
[ $# -gt 0 ] || tests+=(cancel)
failed=0
for test in "${tests[@]}"; do
  bash scripts/temp_cluster.sh -- /usr/bin/python3 - "${@:2}" <"test/endurance/$test.py" >>"$output" 2>&1 || true
  tail -n 1 "$output" | grep -q '^done$' || failed=1
done
grep -v '^done$' "$output" || true
passed=$(grep -cE '^ok ' "$output" || true)
failed=$((failed + $(grep -cE '^not ok ' "$output" || true)))
echo "endurance: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
