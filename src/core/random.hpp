// Seedable random numbers with a fixed sequence on every platform.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>

namespace quiver::core {

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough for signs, samples and reservoir draws.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}

  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  // Uniform in [0, bound). REQUIRES: bound > 0.
  uint64_t below(uint64_t bound) {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(next()) * bound) >> 64);
  }

 private:
  uint64_t state_;
};

}  // namespace quiver::core
