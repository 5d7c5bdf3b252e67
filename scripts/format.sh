#!/usr/bin/env bash
# clang-format over the sources. usage: scripts/format.sh [--check]
set -uo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp' '*.inl')
if [ "${1:-}" != --check ]; then
  clang-format -i "${files[@]}"
  exit
fi
complaints=$(printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -n 16 clang-format --dry-run -Werror 2>&1)
status=$?
offenders=$(grep -oE '^[^: ]+:[0-9]+:[0-9]+: error' <<<"$complaints" | cut -d: -f1 | sort -u)
failed=$(grep -c . <<<"$offenders")
if [ $status != 0 ] && [ "$failed" = 0 ]; then
  echo "$complaints"
  failed=1
elif [ "$failed" != 0 ]; then
  sed 's/.*/format: & (scripts\/format.sh mends it)/' <<<"$offenders"
fi
echo "format: $((${#files[@]} - failed)) passed, $failed failed"
[ "$failed" = 0 ]
