// Which tier of kernels this process uses: probed once, forced by name for tests.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>

#include "simd/kernels.hpp"

namespace quiver::simd {

// The tiers compiled into this binary, best first, with what the CPU and the operating system say of each.
struct Tier {
  const char *name;  // "avx512_vnni", "avx512", "avx2", "sse42", "baseline"
  const Kernels *kernels;
  bool supported;  // by this CPU and this operating system
};

inline constexpr size_t kMaxTiers = 8;

// Fills `tiers` (up to `capacity`) and returns how many there are. The order is the order of preference.
size_t list_tiers(Tier *tiers, size_t capacity);

// Points to the table in force from load on; see kernels().
extern const Kernels *kernels_in_force;

// The table in force: the first supported tier, or the one given by the environment variable QUIVER_SIMD_TIER at load,
// or by force_tier. An impossible name in the environment ends the process: it is there for tests. Fetch it once per
// scan, build or batch, never per distance.
inline const Kernels &kernels() { return *kernels_in_force; }

// Makes `name` the tier in force ("auto" returns to the first supported one). Returns false, and changes nothing, when
// no such tier was compiled in or the CPU lacks it.
bool force_tier(const char *name);

// A line of the CPU features that the probe found, separated by blanks, for diagnostics. Static storage.
const char *cpu_features();

}  // namespace quiver::simd
