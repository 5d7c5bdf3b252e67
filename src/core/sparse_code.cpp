// Selection, rounding and decoding of sparse elements.
// SPDX-License-Identifier: PostgreSQL
#include "core/sparse_code.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// The magnitude that `capacity` elements reach at least, and how many of just that magnitude still fit.
struct Threshold {
  float magnitude = 0.0f;
  size_t ties = std::numeric_limits<size_t>::max();
};

Threshold find_threshold(const simd::SparseTerms &terms, size_t capacity, std::pmr::memory_resource *scratch) {
  if (terms.count <= capacity) return {};
  std::pmr::vector<float> magnitudes(scratch);
  magnitudes.reserve(terms.count);
  for (size_t i = 0; i < terms.count; ++i) magnitudes.push_back(std::fabs(terms.values[i]));
  const auto last = magnitudes.begin() + static_cast<std::ptrdiff_t>(capacity) - 1;
  std::nth_element(magnitudes.begin(), last, magnitudes.end(), std::greater<float>());
  Threshold threshold{*last, 0};
  threshold.ties = static_cast<size_t>(std::count(magnitudes.begin(), last + 1, threshold.magnitude));
  return threshold;
}

// The two ways in which errors add up.
class ErrorSum {
 public:
  explicit ErrorSum(bool in_l1) : in_l1_(in_l1) {}
  void add(double difference) { sum_ += in_l1_ ? std::fabs(difference) : difference * difference; }
  // Rounded up.
  float total() const {
    const double total = (in_l1_ ? sum_ : std::sqrt(sum_)) * (1.0 + 1e-9);
    return std::nextafter(static_cast<float>(total), std::numeric_limits<float>::infinity());
  }

 private:
  bool in_l1_;
  double sum_ = 0.0;
};

}  // namespace

ScalarCode encode_sparse(const simd::SparseTerms &terms, size_t capacity, bool in_l1, uint8_t *code,
                         std::pmr::memory_resource *scratch) {
  std::memset(code, 0, capacity * kSparseElementBytes);
  ScalarCode result{};
  for (size_t i = 0; i < terms.count; ++i) result.step = std::max(result.step, std::fabs(terms.values[i]));
  Threshold threshold = find_threshold(terms, capacity, scratch);
  ErrorSum error(in_l1);
  double squared_norm = 0.0;
  uint32_t kept = 0;
  for (size_t i = 0; i < terms.count; ++i) {
    const float value = terms.values[i], magnitude = std::fabs(value);
    const bool is_tie = magnitude == threshold.magnitude;
    if (magnitude < threshold.magnitude || (is_tie && threshold.ties == 0)) {
      error.add(value);
      continue;
    }
    if (is_tie) --threshold.ties;
    const auto share = static_cast<float>(static_cast<double>(value) / result.step);
    uint16_t half;
    float decoded;
    simd::kernels().narrow_to_halves(&share, 1, &half);
    simd::kernels().widen_halves(&half, 1, &decoded);
    decoded *= result.step;
    std::memcpy(code + kept * sizeof(int32_t), &terms.indices[i], sizeof(int32_t));
    std::memcpy(code + capacity * sizeof(int32_t) + kept * sizeof half, &half, sizeof half);
    ++kept;
    error.add(static_cast<double>(value) - static_cast<double>(decoded));
    squared_norm += static_cast<double>(decoded) * static_cast<double>(decoded);
  }
  result.code_sum = kept;
  result.squared_norm = static_cast<float>(squared_norm);
  result.error = kept == 0 ? 0.0f : error.total();
  // What binary32 cannot square is found through its heap row alone.
  if (!std::isfinite(result.squared_norm)) result.error = std::numeric_limits<float>::infinity();
  return result;
}

simd::SparseTerms decode_sparse(const ScalarCode &code, const uint8_t *codes, size_t capacity, float *values) {
  const size_t count = std::min<size_t>(code.code_sum, capacity);  // a damaged page may say anything
  const auto *halves = reinterpret_cast<const uint16_t *>(codes + capacity * sizeof(int32_t));
  simd::kernels().widen_halves(halves, count, values);
  for (size_t i = 0; i < count; ++i) values[i] *= code.step;
  return {reinterpret_cast<const int32_t *>(codes), values, count};
}

}  // namespace quiver::core
