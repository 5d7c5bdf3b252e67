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

namespace quiver::core {

// Scales to unit length in double. False when the vector has no direction: length zero.
bool normalize(const float *values, size_t n, float *unit, double *length);

class RowEncoder {
 public:
  RowEncoder(const NodeShape &shape, Metric metric, const Rotation &rotation, std::pmr::memory_resource *memory);

  // False when the index holds no such row: under cosine a vector without direction. The results stay until the next
  // call. REQUIRES: shape.dimensions finite values.
  bool encode(const float *vector);

  const ScalarCode &code() const { return code_; }
  const uint8_t *codes() const { return codes_.data(); }    // one byte per axis
  const float *indexed() const { return indexed_.data(); }  // before rotation
  const float *rotated() const { return rotated_.data(); }

 private:
  NodeShape shape_;
  Metric metric_;
  const Rotation &rotation_;
  std::pmr::vector<float> indexed_;
  std::pmr::vector<float> rotated_;
  std::pmr::vector<uint8_t> codes_;
  ScalarCode code_{};
};

}  // namespace quiver::core
