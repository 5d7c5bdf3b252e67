// The tables of kernels that this processor can run, for tests that try each.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::simd {

inline std::vector<const Kernels *> supported_tables() {
  Tier tiers[kMaxTiers];
  const size_t count = list_tiers(tiers, kMaxTiers);
  std::vector<const Kernels *> tables;
  for (size_t i = 0; i < count; ++i)
    if (tiers[i].supported) tables.push_back(tiers[i].kernels);
  return tables;
}

}  // namespace quiver::simd
