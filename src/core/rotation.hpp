// A random orthogonal rotation in d log d operations: Hadamard rounds with random signs on overlapping blocks.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

namespace quiver::core {

// Spreads every vector's energy evenly over the axes, so that a code of fixed step fits all of them. Each round flips
// signs, transforms the first power-of-two block and, when the dimension is no power of two, the last one of the same
// length; both overlap, so no padding is needed and the length of the vector is kept.
class Rotation {
 public:
  Rotation(size_t dimensions, uint64_t seed, std::pmr::memory_resource *memory);

  // In place, `dimensions` values.
  void apply(float *values) const;

  // A bound on the relative rounding error, in length, of one application.
  double relative_error() const;

 private:
  size_t dimensions_;
  size_t block_;
  size_t rounds_;
  std::pmr::vector<float> signs_;  // [rounds][dimensions], +-1
};

}  // namespace quiver::core
