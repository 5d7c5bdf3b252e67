// Scalar codes and strings of bits, both ways.
// SPDX-License-Identifier: PostgreSQL
#include "core/own_vector.hpp"

#include <algorithm>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// The server's bit strings begin with the highest bit of their first byte.
uint8_t mask_of(size_t bit) { return static_cast<uint8_t>(0x80u >> bit % 8); }

}  // namespace

ScalarCode code_of_bits(const uint8_t *bits, size_t bytes) {
  ScalarCode code{};
  code.code_sum = static_cast<uint32_t>(simd::kernels().count_common_bits(bits, bits, bytes).common);
  code.squared_norm = static_cast<float>(code.code_sum);
  return code;
}

ScalarCode encode_own(const NodeShape &shape, const float *values, uint8_t *codes) {
  if (shape.is_scalar()) return encode_scalar(values, shape.dimensions, shape.own_bits, codes);
  std::fill_n(codes, shape.own_bytes(), uint8_t{0});
  for (size_t i = 0; i < shape.dimensions; ++i)
    if (values[i] > 0.5f) codes[i / 8] |= mask_of(i);
  return code_of_bits(codes, shape.own_bytes());
}

void decode_own(const NodeShape &shape, const ScalarCode &code, const uint8_t *codes, float *values) {
  if (shape.is_scalar()) {
    decode_scalar(code, codes, shape.dimensions, values);
    return;
  }
  for (size_t i = 0; i < shape.dimensions; ++i) values[i] = (codes[i / 8] & mask_of(i)) != 0 ? 1.0f : 0.0f;
}

}  // namespace quiver::core
