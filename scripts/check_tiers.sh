#!/usr/bin/env bash
# Each tier's object exports its table and nothing else: a weak or foreign symbol compiled for one processor could be
# linked into code that runs on another. Eigen's templates carry the tier's name, so nobody else has them.
set -uo pipefail
cd "$(dirname "$0")/.."
passed=0
failed=0
for object in src/simd/tier_*.o; do
  tier=$(basename "$object" .o | sed 's/^tier_//')
  exported=$(nm -C --defined-only "$object" | awk '$2 ~ /[A-Z]/ && $2 != "N"' | cut -d' ' -f2- |
    grep -vE "Eigen_kernels_$tier::|DW\.ref\.__gxx_personality_v0$")
  if [ "$(wc -l <<<"$exported")" = 1 ] && [[ $exported == *"quiver::simd::kernels_$tier" ]]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'tiers: %s exports\n%s\n' "$object" "$exported"
  fi
done
foreign=$(nm -D --defined-only quiver.so | awk '{ print $3 }' |
  grep -vxF -f <(grep -hoE "^QUIVER_(FUNCTION|WORKER)\((\w+)\)" -r src | sed -E 's/.*\((.*)\)/\1\npg_finfo_\1/'; printf 'Pg_magic_func\n_PG_init\n'))
if [ -z "$foreign" ]; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
  printf 'tiers: quiver.so exports\n%s\n' "$foreign"
fi
echo "tiers: $passed passed, $failed failed"
[ $failed = 0 ] && [ $passed -gt 1 ]
