// Encoding, packing and decoding of own vectors.
// SPDX-License-Identifier: PostgreSQL
#include "core/scalar_code.hpp"

#include <algorithm>
#include <bit>
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

// Steps, in standard deviations, that lose least of values from a normal distribution, as a rotation makes them. Max,
// Quantizing for minimum distortion, 1960, table II.
constexpr double kStepOf2 = 0.9957, kStepOf4 = 0.3352;

// Codes of at most `top`, from `low` up.
ScalarCode encode_from(const float *values, size_t n, float low, float step, float top, uint8_t *codes) {
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

// Eight codes of 4 or 2 bits, each in a byte of its own: halves move apart until all are.
uint64_t spread(uint64_t codes, unsigned bits) {
  if (bits == 4) {
    codes = (codes | codes << 16) & 0x0000ffff0000ffff;
    codes = (codes | codes << 8) & 0x00ff00ff00ff00ff;
    return (codes | codes << 4) & 0x0f0f0f0f0f0f0f0f;
  }
  codes = (codes | codes << 24) & 0x000000ff000000ff;
  codes = (codes | codes << 12) & 0x000f000f000f000f;
  return (codes | codes << 6) & 0x0303030303030303;
}

// A search does this at every visit.
template <unsigned Bits>
void unpack(const uint8_t *packed, size_t n, uint8_t *codes) {
  for (; n >= 8; n -= 8, codes += 8) {
    uint64_t eight = 0;
    for (unsigned byte = 0; byte < Bits; ++byte) eight |= uint64_t{*packed++} << 8 * byte;
    eight = spread(eight, Bits);
    if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
    std::memcpy(codes, &eight, 8);
  }
  constexpr size_t kPerByte = 8 / Bits;
  for (size_t i = 0; i < n; ++i)
    codes[i] = static_cast<uint8_t>(packed[i / kPerByte] >> Bits * (i % kPerByte) & ((1u << Bits) - 1));
}

}  // namespace

ScalarCode encode_scalar(const float *values, size_t n, unsigned bits, uint8_t *codes) {
  float low = n > 0 ? values[0] : 0.0f, high = low;
  double squared_norm = 0.0, sum = 0.0;
  for (size_t i = 0; i < n; ++i) {
    sum += values[i];
    low = std::min(low, values[i]);
    high = std::max(high, values[i]);
    squared_norm += static_cast<double>(values[i]) * values[i];
  }
  if (!(squared_norm < kMaxSquaredNorm)) return unknown_code(n, codes);

  const auto top = static_cast<float>((1u << bits) - 1u);
  ScalarCode code = encode_from(values, n, low, (high - low) / top, top, codes);
  if (bits == 8 || n == 0) return code;
  // Few steps from the least value to the largest are long ones. Where most values lie near the middle, shorter ones
  // lose less, though what lies outside is cut off.
  const double mean = sum / static_cast<double>(n);
  const double variance = squared_norm / static_cast<double>(n) - mean * mean;
  const auto step = static_cast<float>((bits == 4 ? kStepOf4 : kStepOf2) * std::sqrt(std::max(0.0, variance)));
  const float lowest = static_cast<float>(mean) - 0.5f * top * step;
  const float widest_step = code.step;
  const ScalarCode narrow = encode_from(values, n, lowest, step, top, codes);
  return narrow.error <= code.error ? narrow : encode_from(values, n, low, widest_step, top, codes);
}

SignedCode to_signed(const ScalarCode &code, const uint8_t *codes, size_t n, unsigned bits, int8_t *values) {
  // Of 8 bits, codes 2k and 2k + 1 share a value; the lowest four do, so that no value exceeds the kernel's limit.
  const int shift = bits == 8 ? 1 : 0, middle_value = 1 << (bits - 1 - static_cast<unsigned>(shift));
  const auto least = static_cast<uint8_t>(std::max(0, middle_value - simd::kMaxSignedQuery));
  auto *shifted = reinterpret_cast<uint8_t *>(values);
  for (size_t i = 0; i < n; ++i) shifted[i] = std::max(least, static_cast<uint8_t>(codes[i] >> shift));
  const simd::Kernels &kernels = simd::kernels();
  const int64_t count = static_cast<int64_t>(n), total = kernels.sum_u8(shifted, n);
  const int64_t sum = total - middle_value * count;
  const int64_t squares =
      kernels.dot_u8(shifted, shifted, n) - 2 * middle_value * total + middle_value * middle_value * count;
  for (size_t i = 0; i < n; ++i) values[i] = static_cast<int8_t>(shifted[i] - middle_value);
  const float step = bits == 8 ? 2.0f * code.step : code.step;
  const float middle = code.minimum + step * static_cast<float>(middle_value) + (bits == 8 ? 0.5f * code.step : 0.0f);
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
  if (bits == 4)
    unpack<4>(packed, n, codes);
  else
    unpack<2>(packed, n, codes);
}

void decode_scalar(const ScalarCode &code, const uint8_t *codes, size_t n, float *values) {
  for (size_t i = 0; i < n; ++i) values[i] = code.minimum + code.step * static_cast<float>(codes[i]);
}

}  // namespace quiver::core
