// Encoding and decoding of fine parts.
// SPDX-License-Identifier: PostgreSQL
#include "core/fine_code.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "simd/kernels.hpp"

namespace quiver::core {

namespace {

constexpr int kLevels = 1 << kFineBits;
constexpr double kMiddleLevel = (kLevels - 1) / 2.0;

// The levels of a block of axes, in the order that simd::kFineBlock tells.
void pack(const uint8_t *levels, uint8_t *block) {
  for (size_t j = 0; j < 16; ++j) block[j] = static_cast<uint8_t>(levels[j] >> 2 | (levels[16 + j] >> 2) << 4);
  for (size_t j = 0; j < 8; ++j) {
    const int pairs = (levels[j] & 3) | (levels[8 + j] & 3) << 2 | (levels[16 + j] & 3) << 4 | levels[24 + j] << 6;
    block[16 + j] = static_cast<uint8_t>(pairs);
  }
}

void unpack(const uint8_t *block, uint8_t *levels) {
  for (size_t i = 0; i < simd::kFineBlock; ++i) {
    const int upper = block[i % 16] >> (i / 16 * 4) & 15, lower = block[16 + i % 8] >> (i / 8 * 2) & 3;
    levels[i] = static_cast<uint8_t>(upper << 2 | lower);
  }
}

double decoded_axis(const ScalarCode &code, int axis_code, double level) {
  return static_cast<double>(code.minimum) +
         static_cast<double>(code.step) * (axis_code + (level - kMiddleLevel) / kLevels);
}

}  // namespace

size_t fine_bytes(size_t n) {
  return sizeof(FineCode) + (n + simd::kFineBlock - 1) / simd::kFineBlock * simd::kFineBlockBytes;
}

void encode_fine(const float *values, size_t n, const ScalarCode &code, const uint8_t *codes, uint8_t *fine) {
  uint8_t *block = fine + sizeof(FineCode);
  const double inverse = code.step > 0.0f ? kLevels / static_cast<double>(code.step) : 0.0;
  double squared_norm = 0.0, squared_error = 0.0;
  for (size_t start = 0; start < n; start += simd::kFineBlock, block += simd::kFineBlockBytes) {
    uint8_t levels[simd::kFineBlock] = {};
    const size_t count = std::min(n - start, simd::kFineBlock);
    for (size_t i = 0; i < count; ++i) {
      const double value = values[start + i];
      const double within = (value - decoded_axis(code, codes[start + i], 0.0)) * inverse + 0.5;
      levels[i] = static_cast<uint8_t>(std::clamp(within, 0.0, kLevels - 1.0));
      const double decoded = decoded_axis(code, codes[start + i], levels[i]);
      squared_norm += decoded * decoded;
      squared_error += (value - decoded) * (value - decoded);
    }
    pack(levels, block);
  }
  FineCode parameters{static_cast<float>(squared_norm), std::numeric_limits<float>::infinity()};
  if (std::isfinite(code.error))
    parameters.error = std::nextafter(static_cast<float>(std::sqrt(squared_error) * (1.0 + 1e-9)), parameters.error);
  std::memcpy(fine, &parameters, sizeof parameters);
}

FineCode fine_code_of(const uint8_t *fine) {
  FineCode code;
  std::memcpy(&code, fine, sizeof code);
  return code;
}

FineScale fine_scale_of(const ScalarCode &code) {
  const double middle = decoded_axis(code, simd::kFineMiddle / kLevels, 0.0);
  return {static_cast<float>(middle), code.step / kLevels};
}

double fine_distance(const float *values, size_t n, const ScalarCode &code, const uint8_t *codes, const uint8_t *fine) {
  const uint8_t *block = fine_levels_of(fine);
  double squares = 0.0;
  uint8_t levels[simd::kFineBlock];
  for (size_t i = 0; i < n; ++i) {
    if (i % simd::kFineBlock == 0) unpack(block + i / simd::kFineBlock * simd::kFineBlockBytes, levels);
    const double difference = values[i] - decoded_axis(code, codes[i], levels[i % simd::kFineBlock]);
    squares += difference * difference;
  }
  return std::sqrt(squares);
}

}  // namespace quiver::core
