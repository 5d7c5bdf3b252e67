// Codes of the rows of a list: the difference of a row and its centroid in 1, 2 or 4 bits per axis, in blocks of 32.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <vector>

#include "core/residual_code.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// After RaBitQ, Gao and Long 2024: with `own` the distance of query and centroid,
//   estimate = own + add + rescale * <levels, query>, and all but surely |estimate - distance| <= eps * error * |q -
//   c|.
// The part of the centroid lies in `add`, so that one table of the query serves every list.
struct ListFactors {
  float add, rescale, error;
};

// Groups of four bits in a code.
inline size_t code_groups(const CodeShape &shape) { return (shape.axes * shape.bits + 3) / 4; }
inline constexpr size_t kGroupBytes = simd::kBlockLanes / 2;

// Encodes rows; keeps scratch space.
class ListEncoder {
 public:
  // `inner_product`: distances are -<q, x>, else squared L2. REQUIRES: bits in {1, 2, 4}.
  ListEncoder(CodeShape shape, bool inner_product, std::pmr::memory_resource *memory);

  // Both rotated, `dimensions` values. A row whose residual has no finite length gets factors that let every query
  // look at it.
  ListFactors encode(const float *row, const float *centroid);

  // The levels of the row encoded last: one to a byte, `axes` of them.
  const uint8_t *levels() const { return levels_.data(); }

 private:
  // With l = level - (2^bits - 1) / 2: <residual, l> and |l|^2.
  simd::LevelSums choose_levels(float coded_length);
  simd::LevelSums quantize(float inverse_step, uint8_t *levels) const;

  CodeShape shape_;
  bool inner_product_;
  const simd::Kernels &kernels_;
  std::pmr::vector<float> residual_;
  std::pmr::vector<uint8_t> levels_;
  std::pmr::vector<uint8_t> tried_levels_;
};

// Writes a lane of a block, in FastScan order: group g of the codes stands in its bytes 16 g to 16 g + 15.
void write_block_lane(const CodeShape &shape, const uint8_t *levels, size_t lane, uint8_t *block);
// Reads it back.
void read_block_lane(const CodeShape &shape, const uint8_t *block, size_t lane, uint8_t *levels);

// A query's tables for blocks of codes. Owns what BlockQuery points to.
class PreparedListQuery {
 public:
  explicit PreparedListQuery(std::pmr::memory_resource *memory) : values_(memory), tables_(memory) {}

  // `query`: rotated.
  void prepare(const CodeShape &shape, const float *query);
  const simd::BlockQuery &block_query() const { return query_; }

 private:
  std::pmr::vector<float> values_;
  std::pmr::vector<uint8_t> tables_;
  simd::BlockQuery query_{};
};

}  // namespace quiver::core
