// Encoding of residuals and rounding of queries.
// SPDX-License-Identifier: PostgreSQL
#include "core/residual_code.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/bfloat16.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Step of the four-level quantizer of a normal variable that loses least (Max 1960), times the three tries.
constexpr float kNormalStep = 0.9957f;
constexpr float kStepTries[] = {0.85f, 1.0f, 1.18f};
constexpr size_t kLineBytes = 64;

size_t round_up_to_line(size_t bytes) { return (bytes + kLineBytes - 1) / kLineBytes * kLineBytes; }

// Every byte of a two-bit code has four axes; those beyond the last stay level 0.
size_t padded_axes(const CodeShape &shape) { return shape.bits == 2 ? 4 * shape.bytes() : shape.axes; }

}  // namespace

ResidualEncoder::ResidualEncoder(CodeShape shape, std::pmr::memory_resource *memory)
    : shape_(shape),
      kernels_(simd::kernels()),
      residual_(shape.dimensions, memory),
      levels_(padded_axes(shape), memory),
      tried_levels_(padded_axes(shape), memory) {}

LaneFactors ResidualEncoder::encode(const float *neighbour, const float *node, uint8_t *code) {
  const float length = kernels_.subtract(neighbour, node, shape_.dimensions, residual_.data());
  const float coded_length = shape_.axes == shape_.dimensions
                                 ? length
                                 : kernels_.inner_product(residual_.data(), residual_.data(), shape_.axes);
  if (!std::isfinite(length)) {
    std::memset(code, 0, shape_.bytes());
    return {to_bfloat16(0.0f), to_bfloat16(0.0f)};
  }
  float alignment, node_product;  // <residual, levels>, <levels, node>
  if (shape_.bits == 1) {
    alignment = encode_signs(node, code, &node_product);
  } else {
    alignment = encode_levels(kNormalStep * std::sqrt(coded_length / static_cast<float>(shape_.axes)));
    node_product = kernels_.dot_float_u8(node, levels_.data(), shape_.axes) - 1.5f * node_sum_;
    pack_levels(code);
  }
  if (!(alignment > 0.0f)) return {to_bfloat16(0.0f), to_bfloat16(0.0f)};
  const float widen = static_cast<float>(shape_.dimensions) / static_cast<float>(shape_.axes);
  const float cross = 2.0f * widen * coded_length / alignment;
  return {to_bfloat16(length + cross * node_product), to_bfloat16(-cross)};
}

void ResidualEncoder::aim(const float *node) {
  node_sum_ = 0.0f;
  for (size_t i = 0; i < shape_.axes; ++i) node_sum_ += node[i];
}

// Levels +-1/2. Returns <residual, levels>, half the sum of absolute values.
float ResidualEncoder::encode_signs(const float *node, uint8_t *code, float *node_product) {
  const simd::SignSums sums = kernels_.quantize_signs(residual_.data(), node, shape_.axes, code);
  *node_product = sums.chosen - 0.5f * node_sum_;
  return 0.5f * sums.magnitude;
}

// Levels (c - 1.5), c in 0..3, with the step of the three tries whose levels point closest to the residual. The step
// itself cancels out of the estimate. Returns <residual, levels>.
float ResidualEncoder::encode_levels(float delta) {
  float best_cosine = -1.0f, best_alignment = 0.0f;
  std::fill(levels_.begin(), levels_.end(), uint8_t{0});
  if (!(delta > 0.0f)) return 0.0f;
  for (const float factor : kStepTries) {
    const float inverse = 1.0f / (delta * factor);
    if (!std::isfinite(inverse)) continue;
    const simd::LevelSums sums = kernels_.quantize_levels(residual_.data(), shape_.axes, inverse, tried_levels_.data());
    const float cosine = sums.alignment / std::sqrt(sums.squared_norm);
    if (!(cosine > best_cosine)) continue;
    best_cosine = cosine;
    best_alignment = sums.alignment;
    levels_.swap(tried_levels_);
  }
  return best_alignment;
}

// Byte b holds the levels of axes b, b + bytes, b + 2 bytes and b + 3 bytes.
void ResidualEncoder::pack_levels(uint8_t *code) {
  const size_t bytes = shape_.bytes();
  const uint8_t *levels = levels_.data();
  for (size_t i = 0; i < bytes; ++i)
    code[i] = static_cast<uint8_t>(levels[i] | levels[bytes + i] << 2 | levels[2 * bytes + i] << 4 |
                                   levels[3 * bytes + i] << 6);
}

float round_to_integers(const float *values, size_t n, int limit, int8_t *integers) {
  float largest = 0.0f;
  for (size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(values[i]));
  const float inverse = static_cast<float>(limit) / largest;
  if (!(largest > 0.0f) || !std::isfinite(largest) || !std::isfinite(inverse)) {
    std::fill_n(integers, n, int8_t{0});
    return 0.0f;
  }
  for (size_t i = 0; i < n; ++i)
    integers[i] = static_cast<int8_t>(static_cast<int>(values[i] * inverse + (values[i] < 0.0f ? -0.5f : 0.5f)));
  return largest / static_cast<float>(limit);
}

void PreparedLaneQuery::prepare(const CodeShape &shape, const float *query) {
  const size_t fields = shape.bits == 2 ? 4 : simd::kQueryPlanes;
  query_.stride = round_up_to_line(shape.bytes());
  // One line more than needed lets the first field start on a cache line.
  values_.assign((fields * query_.stride + kLineBytes) / sizeof(uint64_t), 0);
  const auto *bytes = reinterpret_cast<const uint8_t *>(values_.data());
  query_.values = bytes + (kLineBytes - reinterpret_cast<uintptr_t>(bytes) % kLineBytes) % kLineBytes;
  // Whole bytes of a code: no axes beyond the last, so zeros there.
  integers_.assign(shape.bytes() * 8 / shape.bits, 0);
  const int limit = shape.bits == 2 ? 127 : (1 << (simd::kQueryPlanes - 1)) - 1;
  query_.scale = round_to_integers(query, shape.axes, limit, integers_.data());
  int64_t total = 0;
  for (const int8_t integer : integers_) total += integer;
  query_.offset = (shape.bits == 2 ? -1.5f : -0.5f) * query_.scale * static_cast<float>(total);
  if (shape.bits == 2)
    lay_out_fields(shape.bytes());
  else
    lay_out_planes();
}

void PreparedLaneQuery::lay_out_fields(size_t bytes) {
  auto *fields = static_cast<int8_t *>(const_cast<void *>(query_.values));
  for (size_t field = 0; field < 4; ++field)
    std::memcpy(fields + field * query_.stride, &integers_[field * bytes], bytes);
}

// Eight axes make a byte of every plane: one bit of each byte of a word, moved to the top byte by a multiplication.
void PreparedLaneQuery::lay_out_planes() {
  auto *planes = static_cast<uint8_t *>(const_cast<void *>(query_.values));
  for (size_t i = 0; i < integers_.size(); i += 8) {
    uint64_t word = 0;
    for (size_t axis = 0; axis < 8; ++axis) word |= uint64_t{static_cast<uint8_t>(integers_[i + axis])} << (8 * axis);
    for (size_t plane = 0; plane < simd::kQueryPlanes; ++plane)
      planes[plane * query_.stride + i / 8] =
          static_cast<uint8_t>((word >> plane & 0x0101010101010101u) * 0x0102040810204080u >> 56);
  }
}

simd::LaneQuery PreparedLaneQuery::inner_product_query() const {
  simd::LaneQuery query = query_;
  query.scale *= 0.5f;
  query.offset *= 0.5f;
  return query;
}

}  // namespace quiver::core
