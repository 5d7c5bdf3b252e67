// Encoding, packing and decoding of own vectors.
// SPDX-License-Identifier: PostgreSQL
#include "core/scalar_code.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Beyond this the squared norm, or a difference of two, no longer fits binary32.
constexpr double kMaxSquaredNorm = 1e37;

ScalarCode unknown_code(size_t n, uint8_t *codes) {
  std::memset(codes, 0, n);
  return {0.0f, 0.0f, 0.0f, std::numeric_limits<float>::infinity(), 0};
}

float round_up(double value) {
  const float rounded = static_cast<float>(value);
  return static_cast<double>(rounded) >= value ? rounded
                                               : std::nextafter(rounded, std::numeric_limits<float>::infinity());
}

}  // namespace

ScalarCode encode_scalar(const float *values, size_t n, unsigned bits, uint8_t *codes) {
  float low = n > 0 ? values[0] : 0.0f, high = low;
  double squared_norm = 0.0;
  for (size_t i = 0; i < n; ++i) {
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
    squared_norm += static_cast<double>(values[i]) * values[i];
  }
  if (!(squared_norm < kMaxSquaredNorm)) return unknown_code(n, codes);

  const auto top = static_cast<float>((1u << bits) - 1u);
  const float step = (high - low) / top;
  const float inverse = step > 0.0f ? 1.0f / step : 0.0f;
  ScalarCode code{low, step, 0.0f, 0.0f, 0};
  if (!std::isfinite(inverse)) code.step = 0.0f;  // a spread of denormals: every code 0
  double squared_error = 0.0, decoded_norm = 0.0;
  for (size_t i = 0; i < n; ++i) {
    const float scaled = code.step > 0.0f ? std::min(top, std::max(0.0f, (values[i] - low) * inverse + 0.5f)) : 0.0f;
    codes[i] = static_cast<uint8_t>(scaled);
    code.code_sum += codes[i];
    const double decoded = static_cast<double>(low) + static_cast<double>(code.step) * codes[i];
    const double difference = values[i] - decoded;
    squared_error += difference * difference;
    decoded_norm += decoded * decoded;
  }
  code.squared_norm = static_cast<float>(decoded_norm);
  code.error = round_up(std::sqrt(squared_error) * (1.0 + 1e-9));
  return code;
}

SignedCode to_signed(const ScalarCode &code, const uint8_t *codes, size_t n, int8_t *values) {
  // Codes 2k and 2k + 1 share a value; the lowest four do, so that no value exceeds the kernel's limit.
  constexpr int kMiddle = 64;
  auto *halves = reinterpret_cast<uint8_t *>(values);
  constexpr auto kLeast = static_cast<uint8_t>(kMiddle - simd::kMaxSignedQuery);
  for (size_t i = 0; i < n; ++i) halves[i] = std::max(kLeast, static_cast<uint8_t>(codes[i] >> 1));
  const simd::Kernels &kernels = simd::kernels();
  const int64_t count = static_cast<int64_t>(n), total = kernels.sum_u8(halves, n);
  const int64_t sum = total - kMiddle * count;
  const int64_t squares = kernels.dot_u8(halves, halves, n) - 2 * kMiddle * total + kMiddle * kMiddle * count;
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<int8_t>(halves[i] - kMiddle);
  const float step = 2.0f * code.step;
  const float middle = code.minimum + code.step * (2.0f * kMiddle + 0.5f);
  const double squared_norm = static_cast<double>(n) * middle * middle +
                              2.0 * static_cast<double>(middle) * step * static_cast<double>(sum) +
                              static_cast<double>(step) * step * static_cast<double>(squares);
  return {static_cast<float>(squared_norm), 2.0f * (static_cast<float>(n) * middle + step * static_cast<float>(sum)),
          2.0f * middle, 2.0f * step};
}

size_t packed_bytes(size_t n, unsigned bits) { return (n * bits + 7) / 8; }

void pack_codes(const uint8_t *codes, size_t n, unsigned bits, uint8_t *packed) {
  if (bits == 8) {
    std::memcpy(packed, codes, n);
    return;
  }
  std::memset(packed, 0, packed_bytes(n, bits));
  const size_t per_byte = 8 / bits;
  for (size_t i = 0; i < n; ++i)
    packed[i / per_byte] = static_cast<uint8_t>(packed[i / per_byte] | (codes[i] << (bits * (i % per_byte))));
}

void unpack_codes(const uint8_t *packed, size_t n, unsigned bits, uint8_t *codes) {
  if (bits == 8) {
    std::memcpy(codes, packed, n);
    return;
  }
  const size_t per_byte = 8 / bits;
  const unsigned mask = (1u << bits) - 1u;
  for (size_t i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>((packed[i / per_byte] >> (bits * (i % per_byte))) & mask);
}

void decode_scalar(const ScalarCode &code, const uint8_t *codes, size_t n, float *values) {
  for (size_t i = 0; i < n; ++i) values[i] = code.minimum + code.step * static_cast<float>(codes[i]);
}

}  // namespace quiver::core
