// The upper half of a binary32: enough for the factors of an estimate.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <bit>
#include <cstdint>

namespace quiver::core {

// Rounds to nearest, ties to even. REQUIRES: not NaN; values beyond the range become infinite.
inline uint16_t to_bfloat16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace quiver::core
