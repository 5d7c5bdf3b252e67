// Distances in the plain format: from a query, or from a node's own vector, to the own vectors of nodes.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/vector_view.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// What one own vector tells of its rows.
struct Reading {
  float distance;  // squared L2 (l2, cosine), -<q, x> (inner product), else the distance itself
  double bound;    // never above the SQL operator's value
  double ceiling;  // never below it
};

// Allocates when constructed and in aim() only.
class PlainDistance {
 public:
  // With Metric::cosine, own vectors are taken to have length 1, and so is what aim() is given by own vector.
  PlainDistance(const NodeShape &shape, Metric metric, std::pmr::memory_resource *memory);

  // From a user's vector. False under cosine when its length is zero.
  bool aim(const VectorView &vector);
  // From an own vector, as it decodes.
  void aim(const ScalarCode &code, const uint8_t *own);

  float distance(const ScalarCode &code, const uint8_t *own) const;
  Reading read(const ScalarCode &code, const uint8_t *own) const;

  // Length of what aim() was given.
  float norm() const { return static_cast<float>(norm_); }

 private:
  bool aim_sparse(const simd::SparseTerms &terms);
  Reading read_bits(const uint8_t *own) const;
  double sparse_distance(const ScalarCode &code, const uint8_t *own) const;

  NodeShape shape_;
  Metric metric_;
  const simd::Kernels &kernels_;
  std::pmr::vector<float> values_;     // dense, or of the sparse elements
  std::pmr::vector<int32_t> indices_;  // sparse
  std::pmr::vector<uint8_t> bits_;
  mutable std::pmr::vector<float> decoded_;  // sparse: of the other side
  DistanceBound bound_;
  double norm_ = 0.0;
  double sum_ = 0.0;  // of the absolute values
};

}  // namespace quiver::core
