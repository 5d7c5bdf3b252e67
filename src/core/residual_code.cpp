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

// Rounds to the integers of [-limit, limit] and reports the step that undoes it.
float integer_step(const float *query, size_t n, float limit) {
  float largest = 0.0f;
  for (size_t i = 0; i < n; ++i) largest = std::max(largest, std::fabs(query[i]));
  return largest > 0.0f && std::isfinite(largest) ? largest / limit : 0.0f;
}

int rounded(float value, float step) { return step > 0.0f ? static_cast<int>(std::lrintf(value / step)) : 0; }

}  // namespace

ResidualEncoder::ResidualEncoder(CodeShape shape, std::pmr::memory_resource *memory)
    : shape_(shape),
      residual_(shape.dimensions, memory),
      levels_(shape.axes, memory),
      best_levels_(shape.axes, memory) {}

LaneFactors ResidualEncoder::encode(const float *neighbour, const float *node, uint8_t *code) {
  for (size_t i = 0; i < shape_.dimensions; ++i) residual_[i] = neighbour[i] - node[i];
  const auto &kernels = simd::kernels();
  const float length = kernels.inner_product(residual_.data(), residual_.data(), shape_.dimensions);
  const float coded_length = shape_.axes == shape_.dimensions
                                 ? length
                                 : kernels.inner_product(residual_.data(), residual_.data(), shape_.axes);
  float alignment = 0.0f;     // <residual, levels>
  float node_product = 0.0f;  // <levels, node>
  std::memset(code, 0, shape_.bytes());
  if (shape_.bits == 1) {
    alignment = encode_signs(code);
    for (size_t i = 0; i < shape_.axes; ++i) node_product += residual_[i] > 0.0f ? 0.5f * node[i] : -0.5f * node[i];
  } else {
    const float deviation = std::sqrt(coded_length / static_cast<float>(shape_.axes));
    alignment = encode_levels(kNormalStep * deviation, node, &node_product);
    const size_t field = shape_.bytes();
    for (size_t i = 0; i < shape_.axes; ++i)
      code[i % field] = static_cast<uint8_t>(code[i % field] | (best_levels_[i] << (2 * (i / field))));
  }
  if (!(alignment > 0.0f) || !std::isfinite(length)) return {to_bfloat16(0.0f), to_bfloat16(0.0f)};
  const float widen = static_cast<float>(shape_.dimensions) / static_cast<float>(shape_.axes);
  const float cross = 2.0f * widen * coded_length / alignment;
  return {to_bfloat16(length + cross * node_product), to_bfloat16(-cross)};
}

// Levels +-1/2. Returns <residual, levels>, half the sum of absolute values.
float ResidualEncoder::encode_signs(uint8_t *code) {
  float absolute = 0.0f;
  for (size_t i = 0; i < shape_.axes; ++i) {
    absolute += std::fabs(residual_[i]);
    if (residual_[i] > 0.0f) code[i / 8] = static_cast<uint8_t>(code[i / 8] | (1u << (i % 8)));
  }
  return 0.5f * absolute;
}

// Levels (c - 1.5), c in 0..3, with the step of the three tries whose levels point closest to the residual. The step
// itself cancels out of the estimate. Returns <residual, levels>.
float ResidualEncoder::encode_levels(float delta, const float *node, float *node_product) {
  float best_cosine = -1.0f, best_alignment = 0.0f;
  if (!(delta > 0.0f)) return 0.0f;
  for (const float factor : kStepTries) {
    const float inverse = 1.0f / (delta * factor);
    if (!std::isfinite(inverse)) continue;
    float alignment = 0.0f, squares = 0.0f;
    for (size_t i = 0; i < shape_.axes; ++i) {
      const float scaled = std::min(3.0f, std::max(0.0f, residual_[i] * inverse + 2.0f));
      levels_[i] = static_cast<uint8_t>(scaled);
      const float level = static_cast<float>(levels_[i]) - 1.5f;
      alignment += residual_[i] * level;
      squares += level * level;
    }
    const float cosine = alignment / std::sqrt(squares);
    if (cosine > best_cosine) {
      best_cosine = cosine;
      best_alignment = alignment;
      best_levels_.swap(levels_);
    }
  }
  if (best_alignment > 0.0f) {
    float product = 0.0f;
    for (size_t i = 0; i < shape_.axes; ++i) product += (static_cast<float>(best_levels_[i]) - 1.5f) * node[i];
    *node_product = product;
  }
  return best_alignment;
}

void PreparedLaneQuery::prepare(const CodeShape &shape, const float *query) {
  const size_t fields = shape.bits == 2 ? 4 : simd::kQueryPlanes;
  query_.stride = round_up_to_line(shape.bytes());
  // One line more than needed lets the first field start on a cache line.
  values_.assign((fields * query_.stride + kLineBytes) / sizeof(uint64_t), 0);
  const auto address = reinterpret_cast<uintptr_t>(values_.data());
  query_.values = reinterpret_cast<const void *>((address + kLineBytes - 1) / kLineBytes * kLineBytes);
  if (shape.bits == 2)
    prepare_two_bits(shape, query);
  else
    prepare_one_bit(shape, query);
}

void PreparedLaneQuery::prepare_two_bits(const CodeShape &shape, const float *query) {
  const float step = integer_step(query, shape.axes, 127.0f);
  auto *fields = static_cast<int8_t *>(const_cast<void *>(query_.values));
  int64_t total = 0;
  for (size_t i = 0; i < shape.axes; ++i) {
    const int value = rounded(query[i], step);
    fields[(i / shape.bytes()) * query_.stride + i % shape.bytes()] = static_cast<int8_t>(value);
    total += value;
  }
  query_.scale = step;
  query_.offset = -1.5f * step * static_cast<float>(total);
}

void PreparedLaneQuery::prepare_one_bit(const CodeShape &shape, const float *query) {
  constexpr int kLimit = (1 << (simd::kQueryPlanes - 1)) - 1;
  const float step = integer_step(query, shape.axes, static_cast<float>(kLimit));
  auto *planes = static_cast<uint8_t *>(const_cast<void *>(query_.values));
  int64_t total = 0;
  for (size_t i = 0; i < shape.axes; ++i) {
    const int value = rounded(query[i], step);
    const auto bits = static_cast<unsigned>(value);
    for (size_t plane = 0; plane < simd::kQueryPlanes; ++plane) {
      uint8_t &byte = planes[plane * query_.stride + i / 8];
      byte = static_cast<uint8_t>(byte | (((bits >> plane) & 1u) << (i % 8)));
    }
    total += value;
  }
  query_.scale = step;
  query_.offset = -0.5f * step * static_cast<float>(total);
}

simd::LaneQuery PreparedLaneQuery::inner_product_query() const {
  simd::LaneQuery query = query_;
  query.scale *= 0.5f;
  query.offset *= 0.5f;
  return query;
}

}  // namespace quiver::core
