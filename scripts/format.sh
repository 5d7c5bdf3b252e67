#!/usr/bin/env bash
# clang-format over the sources. usage: scripts/format.sh [--check]
set -uo pipefail
cd "$(dirname "$0")/.."
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp' '*.inl')
if [ "${1:-}" != --check ]; then
  clang-format -i "${files[@]}"
  exit
fi
failed=0
for file in "${files[@]}"; do
  if ! clang-format "$file" | cmp -s - "$file"; then
    echo "format: $file (scripts/format.sh mends it)"
    failed=$((failed + 1))
  fi
done
echo "format: $((${#files[@]} - failed)) passed, $failed failed"
[ $failed = 0 ]
