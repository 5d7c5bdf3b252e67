#!/usr/bin/env bash
# Unit tests: as built for this machine, under ASan and UBSan, and on processors that this machine is not: aarch64 and
# older x86-64 models, emulated by QEMU where it is installed.
# usage: scripts/unit.sh [native|sanitize|aarch64|models]...
set -uo pipefail
cd "$(dirname "$0")/.."
# All of it: compilers have work for every core, tests and emulators for one, so two halves go on at a time.
if [ $# = 0 ]; then
  half=$(mktemp)
  trap 'rm -f "$half"' EXIT
  bash scripts/unit.sh native models >"$half" 2>&1 &
  bash scripts/unit.sh sanitize aarch64
  result=$?
  wait $! || result=1
  cat "$half"
  exit $result
fi
generator=()
command -v ninja >/dev/null && generator=(-G Ninja)
result=0

build() {
  local folder=build/$1
  shift
  cmake -S . -B "$folder" "${generator[@]}" "$@" >/dev/null || return 1
  cmake --build "$folder" --target unit_tests -j "$(nproc)" | grep -E 'warning|error|FAILED'
  return "${PIPESTATUS[0]}"
}

# run NAME COMMAND...: counts GoogleTest's own summary.
run() {
  local name=$1 output passed failed
  shift
  output=$("$@" 2>&1)
  local status=$?
  passed=$(grep -oE '\[  PASSED  \] [0-9]+ test' <<<"$output" | grep -oE '[0-9]+')
  failed=$(grep -oE '\[  FAILED  \] [0-9]+ test' <<<"$output" | grep -oE '[0-9]+' | head -n 1)
  if [ $status != 0 ]; then
    grep -vE '^\[ +(OK|RUN) ' <<<"$output" | tail -n 60
    failed=${failed:-1}
  fi
  echo "unit, $name: ${passed:-0} passed, ${failed:-0} failed"
  [ $status = 0 ] && [ "${passed:-0}" -gt 0 ] || result=1
}

has_tier() {
  case $1 in
    avx2) grep -qw avx2 /proc/cpuinfo ;;
    sse42) grep -qw sse4_2 /proc/cpuinfo ;;
    baseline) true ;;
  esac
}

# The program that emulates a processor, under the name of older or newer distributions; nothing where there is none.
emulator() { command -v "qemu-$1-static" || command -v "qemu-$1"; }

# The part of the tests that depends on the processor, and the files that it stands in.
by_processor='--gtest_filter=*Kernels*:*Rotation*:*ScalarCode*:*FineCode*:*ListCode*:*NodeQuery*:*PlainDistance*:*FloatText*'
files_by_processor='kernels;type_kernels;rotation;scalar_code;fine_code;list_code;node_query;plain_distance;float_text;product_code'

# What make built is what is tested, where it is up to date.
objects=(-DQUIVER_OBJECTS=OFF)
! make -q PG_CONFIG="${PG_CONFIG:-pg_config}" >/dev/null 2>&1 || objects=(-DQUIVER_OBJECTS=ON)

for part in "$@"; do
  case $part in
    native)
      build native "${objects[@]}" && run "native" build/native/unit_tests || result=1
      # By the lesser tiers of this processor too: bounds have to hold with the roundings of each.
      for tier in avx2 sse42 baseline; do
        has_tier "$tier" && run "native, $tier" env QUIVER_SIMD_TIER="$tier" build/native/unit_tests "$by_processor"
      done ;;
    sanitize)
      build sanitize -DQUIVER_SANITIZE=ON && run "sanitizers" build/sanitize/unit_tests || result=1 ;;
    aarch64)
      if command -v aarch64-linux-gnu-g++ >/dev/null && emulator aarch64 >/dev/null; then
        build aarch64 -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
          -DQUIVER_TESTS="$files_by_processor" &&
          run "aarch64" "$(emulator aarch64)" -L /usr/aarch64-linux-gnu build/aarch64/unit_tests "$by_processor" || result=1
      else
        echo "unit: no cross compiler or emulator for aarch64 here, not run"
      fi ;;
    models)
      if [ "$(uname -m)" = x86_64 ] && emulator x86_64 >/dev/null; then
        build native "${objects[@]}" || result=1
        # One without SSE4.2, one with it, one with AVX2: what a kernel uses beyond its tier ends in SIGILL.
        for model in Conroe Nehalem Haswell; do
          run "$model" "$(emulator x86_64)" -cpu "$model" build/native/unit_tests '--gtest_filter=*Kernels*'
        done
      else
        echo "unit: no emulator for x86-64 models here, not run"
      fi ;;
  esac
done
exit $result
