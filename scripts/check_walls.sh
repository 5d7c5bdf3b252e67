#!/usr/bin/env bash
# The house's walls: includes between rooms, server headers, version tests, catch blocks, sizes. scripts/README.md says
# what each failure means.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0

# check NAME COMMAND...: the command prints offending lines, or nothing.
check() {
  local name=$1 offenders
  shift
  offenders=$("$@" 2>/dev/null)
  if [ -z "$offenders" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "walls: $name"
    echo "$offenders" | head -n 20 | sed 's/^/  /'
  fi
}

# Rooms that a room may include, besides itself.
allowed() {
  case $1 in
    simd) echo 'simd' ;;
    core) echo 'core|simd' ;;
    pg) echo 'pg|core/(error|interrupt|shared_work|spill)\.hpp' ;;
    types) echo 'types|pg|core|simd' ;;
    hnsw | ivfpq) echo "$1|types/index_(ops|scan|rows|check|cost|info)\.hpp|pg|core|simd" ;;
  esac
}

includes_across() {
  grep -nE '#include "(simd|core|pg|types|hnsw|ivfpq)/' -r "src/$1" --include=*.cpp --include=*.hpp --include=*.inl |
    grep -vE "#include \"($(allowed "$1"))"
}

only_in() {
  local pattern=$1 allowed_files=$2
  grep -nE "$pattern" -r src --include=*.cpp --include=*.hpp --include=*.inl | grep -vE "^($allowed_files):"
}

long_files() {
  find src bench test -name '*.[chi]pp' -o -name '*.inl' | xargs wc -l | awk '$2 != "total" && $1 > 500 { print $2 ": " $1 " lines" }'
}

# Lines from a definition's opening line at column 0 or 2 to the brace that closes it in the same column.
long_functions() {
  find src -name '*.cpp' -o -name '*.hpp' -o -name '*.inl' | while read -r file; do
    awk -v file="$file" '
      /^( {0,2})[A-Za-z_].*\) *(const|noexcept|override|const noexcept)* *(:.*)?\{ *$/ && !/^ *(namespace|struct|class|enum|extern)/ {
        match($0, /^ */); start = NR; depth = RLENGTH; name = $0 }
      /^ {0,2}\}/ { match($0, /^ */); if (start && RLENGTH == depth) { if (NR - start > 70) print file ":" start ": " NR - start " lines"; start = 0 } }' "$file"
  done
}

duplicate_names() {
  find src bench test -type f \( -name '*.cpp' -o -name '*.hpp' -o -name '*.inl' \) -printf '%f\n' | sort | uniq -d
}

without_licence() {
  git ls-files 'src/*.cpp' 'src/*.hpp' 'src/*.inl' 'src/*.sql' 'test/*.cpp' 'bench/*.cpp' | grep -v '^src/header.sql$' |
    xargs grep -L 'SPDX-License-Identifier: PostgreSQL'
}

for room in simd core pg types hnsw ivfpq; do check "src/$room includes a room that it may not" includes_across $room; done
check "postgres.h outside pg/postgres.hpp" only_in '#include [<"]postgres\.h[>"]' 'src/pg/postgres\.hpp'
check "PG_VERSION_NUM outside pg/compat.hpp" only_in 'PG_VERSION_NUM' 'src/pg/compat\.hpp'
check "catch, PG_TRY or sigsetjmp outside pg/boundary" only_in '\bcatch *\(|PG_TRY|sigsetjmp *\(' 'src/pg/boundary\.[ch]pp'
check "a server header in core or simd" grep -nE '#include [<"](utils|access|storage|catalog|nodes|executor|fmgr|miscadmin)' -r src/core src/simd
check "files above 500 lines" long_files
check "functions above 70 lines" long_functions
check "file names that are not unique" duplicate_names
check "files without a licence line" without_licence
check "names of files that say nothing" find src test bench -regextype posix-extended -regex '.*/(utils?|common|helpers?|misc|manager|base|impl)(\.[a-z]+)?'
echo "walls: $passed passed, $failed failed"
[ $failed = 0 ]
