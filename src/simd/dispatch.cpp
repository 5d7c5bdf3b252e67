// The probe of the processor and the choice of a tier.
// SPDX-License-Identifier: PostgreSQL
#include "simd/dispatch.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace quiver::simd {

extern const Kernels kernels_baseline;

#if defined(__x86_64__)

extern const Kernels kernels_avx512_vnni, kernels_avx512, kernels_avx2, kernels_sse42;

namespace {

// The compiler's probe also asks the operating system whether it saves the wide registers.
bool has_sse42() { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("popcnt"); }
// Not every compiler's probe knows F16C by name. It uses the registers that the probe of AVX2 asks the system about.
bool has_f16c() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_F16C) != 0;
}
bool has_avx2() {
  return has_sse42() && has_f16c() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
         __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
}
bool has_avx512_vnni() {
  return has_avx512() && __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vpopcntdq");
}

}  // namespace

size_t list_tiers(Tier *tiers, size_t capacity) {
  __builtin_cpu_init();
  const Tier all[] = {
      {"avx512_vnni", &kernels_avx512_vnni, has_avx512_vnni()},
      {"avx512", &kernels_avx512, has_avx512()},
      {"avx2", &kernels_avx2, has_avx2()},
      {"sse42", &kernels_sse42, has_sse42()},
      {"baseline", &kernels_baseline, true},
  };
  size_t count = 0;
  for (const Tier &tier : all)
    if (count < capacity) tiers[count++] = tier;
  return count;
}

const char *cpu_features() {
  static char line[160];
  __builtin_cpu_init();
  line[0] = '\0';
  size_t length = 0;
  const auto note = [&length](const char *name, bool present) {
    if (present)
      length +=
          static_cast<size_t>(std::snprintf(line + length, sizeof line - length, "%s%s", length > 0 ? " " : "", name));
  };
  note("sse4.2", __builtin_cpu_supports("sse4.2"));
  note("popcnt", __builtin_cpu_supports("popcnt"));
  note("avx2", __builtin_cpu_supports("avx2"));
  note("f16c", has_f16c());
  note("fma", __builtin_cpu_supports("fma"));
  note("bmi2", __builtin_cpu_supports("bmi2"));
  note("avx512f", __builtin_cpu_supports("avx512f"));
  note("avx512bw", __builtin_cpu_supports("avx512bw"));
  note("avx512vnni", __builtin_cpu_supports("avx512vnni"));
  note("avx512vpopcntdq", __builtin_cpu_supports("avx512vpopcntdq"));
  return line;
}

#else

size_t list_tiers(Tier *tiers, size_t capacity) {
  if (capacity == 0) return 0;
  tiers[0] = {"baseline", &kernels_baseline, true};
  return 1;
}

const char *cpu_features() {
#if defined(__aarch64__)
  return "neon";
#else
  return "";
#endif
}

#endif

namespace {

const Kernels *best() {
  Tier tiers[kMaxTiers] = {};
  const size_t count = list_tiers(tiers, kMaxTiers);
  for (size_t i = 0; i < count; ++i)
    if (tiers[i].supported) return tiers[i].kernels;
  return &kernels_baseline;
}

const Kernels *find(const char *name) {
  if (std::strcmp(name, "auto") == 0) return best();
  Tier tiers[kMaxTiers] = {};
  const size_t count = list_tiers(tiers, kMaxTiers);
  for (size_t i = 0; i < count; ++i)
    if (tiers[i].supported && std::strcmp(tiers[i].name, name) == 0) return tiers[i].kernels;
  return nullptr;
}

// At load: the environment may force a tier for tests. One that is not to be had is a mistake of the test's set-up.
const Kernels *choose_first() {
  const char *forced = std::getenv("QUIVER_SIMD_TIER");
  if (forced == nullptr || forced[0] == '\0') return best();
  const Kernels *found = find(forced);
  if (found == nullptr) {
    std::fprintf(stderr, "QUIVER_SIMD_TIER: no tier \"%s\" on this processor\n", forced);
    std::abort();
  }
  return found;
}

}  // namespace

const Kernels *kernels_in_force = choose_first();

bool force_tier(const char *name) {
  const Kernels *found = find(name);
  if (found == nullptr) return false;
  kernels_in_force = found;
  return true;
}

}  // namespace quiver::simd
