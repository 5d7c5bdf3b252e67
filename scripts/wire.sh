#!/usr/bin/env bash
# What clients send over the wire, by a client library of the distribution: text and binary, prepared, pipelined, COPY, and
# damaged bytes.
set -euo pipefail
cd "$(dirname "$0")/.."
output=$(mktemp)
trap 'rm -f "$output"' EXIT
bash scripts/temp_cluster.sh -- /usr/bin/python3 - <test/wire/wire_test.py >"$output" 2>&1 || true
grep -vE '^ok ' "$output" || true
passed=$(grep -cE '^ok ' "$output" || true)
failed=$(grep -cE '^not ok ' "$output" || true)
grep -q '^done$' "$output" || failed=$((failed + 1))
echo "wire: $passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
