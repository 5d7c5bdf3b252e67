// Neighbour codes: the difference of a neighbour and its node in 1 or 2 bits per axis, and the query's side of it.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "simd/kernels.hpp"

namespace quiver::core {

// Bits per axis and how many of the rotated axes the code covers.
struct CodeShape {
  size_t dimensions;
  size_t axes;    // <= dimensions; the first axes of the rotation
  unsigned bits;  // 1 or 2
  size_t bytes() const { return (axes * bits + 7) / 8; }
};

// A code covers at most so many axes: of more dimensions it covers the first kTruncatedAxes of the rotation.
inline constexpr size_t kMaxCodeAxes = 1024, kTruncatedAxes = 768;

// The code where nobody says which: what was measured to cost a search least. Below 200 dimensions a 1-bit code's
// noise, 0.75 / sqrt(dimensions) of the distance, costs more than the second bit.
inline CodeShape default_code_shape(size_t dimensions) {
  return {dimensions, dimensions <= kMaxCodeAxes ? dimensions : kTruncatedAxes, dimensions < 200 ? 2u : 1u};
}

// Both as bf16. estimate = own + add + rescale * <levels, query>: after RaBitQ, Gao and Long 2024, with the node in
// place of a centroid.
struct LaneFactors {
  uint16_t add;
  uint16_t rescale;
};

// Encodes residuals; keeps scratch space, so one per thread of work.
class ResidualEncoder {
 public:
  ResidualEncoder(CodeShape shape, std::pmr::memory_resource *memory);

  // The node whose neighbours the next calls encode.
  void aim(const float *node);

  // `neighbour` and `node` are decoded (rotated) vectors of `dimensions` values. Writes shape.bytes() bytes. REQUIRES:
  // aim(node).
  LaneFactors encode(const float *neighbour, const float *node, uint8_t *code);

 private:
  float encode_signs(const float *node, uint8_t *code, float *node_product);
  float encode_levels(float delta);
  void pack_levels(uint8_t *code);

  CodeShape shape_;
  const simd::Kernels &kernels_;
  std::pmr::vector<float> residual_;
  std::pmr::vector<uint8_t> levels_;  // the best so far
  std::pmr::vector<uint8_t> tried_levels_;
  float node_sum_ = 0.0f;
};

// Rounds to integers of at most `limit` (<= 127) in magnitude; returns the step that undoes it, 0 where there is none.
float round_to_integers(const float *values, size_t n, int limit, int8_t *integers);

// A query rounded to the integers that the lane kernels multiply with code bits. Owns what LaneQuery points to.
class PreparedLaneQuery {
 public:
  explicit PreparedLaneQuery(std::pmr::memory_resource *memory) : values_(memory), integers_(memory) {}

  // `query`: rotated, `dimensions` values. For inner product the estimate is of -<q, x>: half of the cross term.
  void prepare(const CodeShape &shape, const float *query);

  const simd::LaneQuery &lane_query() const { return query_; }
  // The same query scaled for -<q, x>, where the node's own term already holds -<q, node> and `add` must be zero.
  simd::LaneQuery inner_product_query() const;

 private:
  void lay_out_fields(size_t bytes);
  void lay_out_planes();

  std::pmr::vector<uint64_t> values_;
  std::pmr::vector<int8_t> integers_;  // of the axes
  simd::LaneQuery query_{};
};

}  // namespace quiver::core
