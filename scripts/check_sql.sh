#!/usr/bin/env bash
# The SQL files agree with the code and with each other.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0
expect_none() {
  if [ -z "$2" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'sql files: %s\n%s\n' "$1" "$2"
  fi
}

defined=$(grep -hoE '^QUIVER_FUNCTION\(\w+\)' -r src | sed -E 's/.*\((.*)\)/\1/' | sort)
declared=$(cat src/*/*.sql | tr '\n' ' ' | grep -oE "AS 'MODULE_PATHNAME'(, '\w+')?|CREATE FUNCTION \w+" | awk '
  /CREATE FUNCTION/ { name = $3 }
  /MODULE_PATHNAME/ { if ($3 != "") { gsub("\x27", "", $3); print $3 } else print name }' | sort -u)
expect_none "functions defined in C++ and declared nowhere" "$(comm -23 <(echo "$defined") <(echo "$declared"))"
expect_none "functions declared in SQL and defined nowhere" "$(comm -13 <(echo "$defined") <(echo "$declared"))"
expect_none "tests without an expected output, or the reverse" \
  "$(comm -3 <(ls sql | sed 's/\.sql$//' | sort) <(ls expected | sed 's/\.out$//' | sort))"
makefile=$(sed -nE 's/^EXTVERSION = (.*)/\1/p' Makefile)
control=$(sed -nE "s/^default_version = '(.*)'/\1/p" quiver.control)
meta=$(grep -oE '"version": *"[0-9.]+"' META.json | head -n 1 | grep -oE '[0-9.]+')
expect_none "versions differ: Makefile $makefile, control $control, META.json $meta" \
  "$([ "$makefile" = "$control" ] && [ "$makefile" = "$meta" ] || echo differ)"
alias=$(sed -nE 's/^ALIASVERSION = (.*)/\1/p' Makefile)
expect_none "the alias's versions differ" "$(grep -q "^default_version = '$alias'$" vector.control || echo "$alias")"
expect_none "a version that CHANGELOG.md does not know" "$(grep -q "$makefile" CHANGELOG.md || echo "$makefile")"
echo "sql files: $passed passed, $failed failed"
[ $failed = 0 ]
