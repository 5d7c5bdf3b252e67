// Conversion of own vectors.
// SPDX-License-Identifier: PostgreSQL
#include "ivfpq/ivfpq_vector.hpp"

#include <algorithm>

namespace quiver::ivfpq {

namespace {

// The first bit of a string is the highest of its byte.
uint8_t mask_of(size_t bit) { return static_cast<uint8_t>(0x80u >> bit % 8); }

}  // namespace

void decode_vector(const core::NodeShape &own, const core::ScalarCode &code, const uint8_t *codes, float *values) {
  if (own.is_scalar()) {
    core::decode_scalar(code, codes, own.dimensions, values);
    return;
  }
  for (size_t i = 0; i < own.dimensions; ++i) values[i] = (codes[i / 8] & mask_of(i)) != 0 ? 1.0f : 0.0f;
}

core::ScalarCode encode_vector(const core::NodeShape &own, const float *values, uint8_t *codes) {
  if (own.is_scalar()) return core::encode_scalar(values, own.dimensions, own.own_bits, codes);
  core::ScalarCode code{};
  std::fill_n(codes, own.unpacked_bytes(), uint8_t{0});
  for (size_t i = 0; i < own.dimensions; ++i) {
    if (!(values[i] > 0.5f)) continue;
    codes[i / 8] |= mask_of(i);
    ++code.code_sum;
  }
  code.squared_norm = static_cast<float>(code.code_sum);
  return code;
}

void row_values(const core::NodeShape &own, const core::RowEncoder &encoder, float *values) {
  if (own.is_scalar())
    std::copy_n(encoder.rotated(), own.dimensions, values);
  else
    decode_vector(own, encoder.code(), encoder.codes(), values);
}

ListQuery::ListQuery(const OpenIndex &index, core::Metric metric, std::pmr::memory_resource *memory)
    : is_plain_(!index.shape().own.is_scalar()),
      own_(is_plain_ ? 0 : index.meta.dimensions, metric, index.cache->rotation, memory),
      plain_(index.shape().own, index.meta.metric, memory) {}

}  // namespace quiver::ivfpq
