// A vector that somebody else owns, of any type that can be indexed.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>

#include "simd/kernels.hpp"

namespace quiver::core {

enum class ElementKind : uint8_t { dense, bits, sparse };

struct VectorView {
  ElementKind kind;
  size_t dimensions;              // of bits: how many
  const float *values = nullptr;  // dense
  const uint8_t *bits = nullptr;  // the first is the highest of its byte; those beyond the last are 0
  simd::SparseTerms terms{};      // sparse

  static VectorView dense(const float *values, size_t dimensions) {
    return {ElementKind::dense, dimensions, values, nullptr, {}};
  }
};

}  // namespace quiver::core
