// A row's vector on its way into an index: unit length where the metric wants it, rotated, in its own code.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/rotation.hpp"
#include "core/vector_view.hpp"

namespace quiver::core {

// Scales to unit length in double. False when the vector has no direction: length zero.
bool normalize(const float *values, size_t n, float *unit, double *length);

class RowEncoder {
 public:
  RowEncoder(const NodeShape &shape, Metric metric, const Rotation &rotation, std::pmr::memory_resource *memory);

  // False when the index holds no such row: under cosine a vector without direction. The results stay until the next
  // call. REQUIRES: shape.dimensions finite values, or a view of the shape's kind.
  bool encode(const VectorView &vector);

  const ScalarCode &code() const { return code_; }
  const uint8_t *codes() const { return codes_.data(); }    // unpacked: see NodeShape
  const VectorView &indexed() const { return indexed_; }    // as the index orders it, before rotation
  const float *rotated() const { return rotated_.data(); }  // of a dense row
  // As k-means compares rows: rotated, or bits as 0 and 1. REQUIRES: not sparse.
  void copy_values(float *values) const;

  // How far the row is from an own vector as that decodes, in binary64 and in the measure of ScalarCode::error.
  double distance_to(const ScalarCode &code, const uint8_t *codes) const;
  // The same as its fine part decodes. REQUIRES: there is one.
  double fine_distance_to(const ScalarCode &code, const uint8_t *codes) const;

 private:
  bool encode_dense(const VectorView &vector);
  void encode_bits(const VectorView &vector);
  bool encode_sparse_terms(const VectorView &vector);
  double sparse_distance_to(const ScalarCode &code, const uint8_t *codes) const;

  NodeShape shape_;
  Metric metric_;
  const Rotation &rotation_;
  std::pmr::memory_resource *memory_;
  VectorView indexed_{};
  std::pmr::vector<float> values_;  // what indexed_ shows when it is not the user's own vector
  std::pmr::vector<float> rotated_;
  std::pmr::vector<uint8_t> codes_;
  ScalarCode code_{};
};

}  // namespace quiver::core
