#!/usr/bin/env bash
# Fuzzes the parsers of text under ASan and UBSan (needs clang and its runtime library).
# usage: scripts/fuzz.sh [runs], 1,000,000 of each by default
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-1000000}
compiler=$(command -v clang++ || command -v clang++-14 || true)
[ -n "$compiler" ] || { echo "fuzz: no clang++ here" >&2; exit 1; }
mkdir -p build/fuzz
for name in vector_text sparse_text; do
  "$compiler" -std=c++20 -O2 -g -Isrc -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    test/fuzz/${name}_fuzz.cpp src/core/{vector_text,sparse_text,float_text,sparse_code,scalar_code}.cpp \
    src/simd/dispatch.cpp $(for tier in $(sed -n "s/^TIERS_$([ "$(uname -m)" = x86_64 ] && echo x86_64 || echo other) = //p" src/simd/tiers.mk); do
      object=build/fuzz/$tier.o
      "$compiler" -std=c++20 -O2 -w $(sed -n "s/^FLAGS_$tier = //p" src/simd/tiers.mk) -Isrc -c -o $object src/simd/tier_$tier.cpp
      echo $object
    done) -o build/fuzz/$name
  mkdir -p build/fuzz/${name}_found
  build/fuzz/$name -runs="$runs" -max_len=300 -print_final_stats=1 -verbosity=0 build/fuzz/${name}_found test/fuzz/${name}_corpus
  echo "fuzz: $name, $runs runs, nothing found"
done
