// Codes of the rows of a list: the difference of a row and its centroid in levels or in words, in blocks of 32.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <vector>

#include "core/product_code.hpp"
#include "core/residual_code.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// After RaBitQ, Gao and Long 2024: with `own` the distance of query and centroid,
//   estimate = own + add + rescale * <code, query>, and all but surely |estimate - distance| <= eps * error * |q - c|.
// The part of the centroid lies in `add`, so that one table of the query serves every list. A code stands for a vector
// that points where the residual does: of levels, 1, 2 or 4 bits for each axis; or of words (core/product_code.hpp),
// where each part counts as an axis of 4 or 8 bits.
struct ListFactors {
  float add, rescale, error;
};

// Groups of four bits in a code.
inline size_t code_groups(const CodeShape &shape) { return (shape.axes * shape.bits + 3) / 4; }
inline constexpr size_t kGroupBytes = simd::kBlockLanes / 2;

// Encodes rows; keeps scratch space.
class ListEncoder {
 public:
  // `book`: of codes of words, or null. `inner_product`: distances are -<q, x>, else squared L2. REQUIRES: bits in {1,
  // 2, 4}, or the book's.
  ListEncoder(CodeShape shape, const ProductBook *book, bool inner_product, std::pmr::memory_resource *memory);

  // Both rotated, `dimensions` values. A row whose residual has no finite length gets factors that let every query
  // look at it.
  ListFactors encode(const float *row, const float *centroid);

  // The levels or words of the row encoded last: one to a byte, `axes` of them.
  const uint8_t *levels() const { return levels_.data(); }

 private:
  ProductSums choose_code(float length, float coded_length, const float *centroid);
  // With l = level - (2^bits - 1) / 2: <residual, l> and |l|^2.
  simd::LevelSums choose_levels(float coded_length);
  simd::LevelSums quantize(float inverse_step, uint8_t *levels) const;

  CodeShape shape_;
  bool inner_product_;
  const simd::Kernels &kernels_;
  std::pmr::vector<float> residual_;
  std::pmr::vector<uint8_t> levels_;
  std::pmr::vector<uint8_t> tried_levels_;
  std::optional<ProductEncoder> product_;
  float error_ratio_ = 1.0f;
};

// Writes a lane of a block, in FastScan order: group g of the codes stands in its bytes 16 g to 16 g + 15. Of codes of
// 8 bits, byte j of 32 is lane j's.
void write_block_lane(const CodeShape &shape, const uint8_t *levels, size_t lane, uint8_t *block);
// Reads it back.
void read_block_lane(const CodeShape &shape, const uint8_t *block, size_t lane, uint8_t *levels);

// A query's tables for blocks of codes.
class PreparedListQuery {
 public:
  explicit PreparedListQuery(std::pmr::memory_resource *memory) : tables_(memory) {}

  // `query`: rotated as rows are. `book`: as the encoder's.
  void prepare(const CodeShape &shape, const ProductBook *book, const float *query);
  // See simd::Kernels::estimate_block.
  void estimate(const simd::CodeBlock &block, float own, float width, float *out) const {
    estimate_(query_, block, own, width, out);
  }

 private:
  void round_tables(std::pmr::vector<float> *values, size_t groups, double offset);

  std::pmr::vector<uint8_t> tables_;
  simd::BlockQuery query_{};
  decltype(simd::Kernels::estimate_block) estimate_ = nullptr;
};

}  // namespace quiver::core
