// The rounds of the random rotation.
// SPDX-License-Identifier: PostgreSQL
#include "core/rotation.hpp"

#include <bit>
#include <cmath>

#include "core/random.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Three rounds make the coordinates of any unit vector close to normal; blocks that overlap only in part mix slower.
size_t rounds_for(size_t dimensions) { return std::has_single_bit(dimensions) ? 3 : 4; }

void transform_block(float *values, size_t length) {
  simd::kernels().hadamard(values, length);
  const float scale = 1.0f / std::sqrt(static_cast<float>(length));
  for (size_t i = 0; i < length; ++i) values[i] *= scale;
}

}  // namespace

Rotation::Rotation(size_t dimensions, uint64_t seed, std::pmr::memory_resource *memory)
    : dimensions_(dimensions),
      block_(std::bit_floor(dimensions)),
      rounds_(rounds_for(dimensions)),
      signs_(rounds_ * dimensions, memory) {
  Random random(seed);
  for (float &sign : signs_) sign = (random.next() >> 63) != 0 ? -1.0f : 1.0f;
}

void Rotation::apply(float *values) const {
  if (dimensions_ < 2) return;
  for (size_t round = 0; round < rounds_; ++round) {
    const float *signs = &signs_[round * dimensions_];
    for (size_t i = 0; i < dimensions_; ++i) values[i] *= signs[i];
    transform_block(values, block_);
    if (block_ != dimensions_) transform_block(values + (dimensions_ - block_), block_);
  }
}

double Rotation::relative_error() const {
  // Every stage of butterflies and every scaling rounds each value once; scaling by an inexact 1/sqrt adds two more.
  const double stages = static_cast<double>(std::bit_width(block_)) + 3.0;
  return static_cast<double>(rounds_) * 2.0 * stages * 0x1p-24;
}

}  // namespace quiver::core
