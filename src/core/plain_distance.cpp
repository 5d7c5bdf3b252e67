// The arithmetic of plain own vectors.
// SPDX-License-Identifier: PostgreSQL
#include "core/plain_distance.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/row_encoder.hpp"
#include "core/sparse_code.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// Decoded sparse elements are rounded once more, by the multiplication with their step.
constexpr double kDecodingError = 0x1p-22;

double sum_of_magnitudes(const std::pmr::vector<float> &values) {
  double sum = 0.0;
  for (const float value : values) sum += std::fabs(static_cast<double>(value));
  return sum;
}

// Navigation needs an order even where lengths overflow.
float finite(double distance) {
  constexpr double kMost = std::numeric_limits<float>::max();
  return static_cast<float>(std::isnan(distance) ? kMost : std::clamp(distance, -kMost, kMost));
}

}  // namespace

PlainDistance::PlainDistance(const NodeShape &shape, Metric metric, std::pmr::memory_resource *memory)
    : shape_(shape),
      metric_(metric),
      kernels_(simd::kernels()),
      values_(memory),
      indices_(memory),
      bits_(memory),
      decoded_(shape.own == OwnKind::sparse ? shape.capacity : 0, memory) {}

bool PlainDistance::aim(const VectorView &vector) {
  switch (shape_.own) {
    case OwnKind::bits:
      bits_.assign(vector.bits, vector.bits + shape_.own_bytes());
      return true;
    case OwnKind::sparse:
      return aim_sparse(vector.terms);
    default:
      values_.assign(vector.values, vector.values + shape_.dimensions);
      sum_ = sum_of_magnitudes(values_);
      bound_ = DistanceBound(metric_, shape_.dimensions, simd::kDensePartialSums, sum_, sum_, 0.0);
      return true;
  }
}

bool PlainDistance::aim_sparse(const simd::SparseTerms &terms) {
  indices_.assign(terms.indices, terms.indices + terms.count);
  values_.assign(terms.values, terms.values + terms.count);
  double original_norm = std::sqrt(kernels_.squared_norm(terms.values, terms.count));
  norm_ = original_norm;
  if (metric_ == Metric::cosine) {
    if (!normalize(terms.values, terms.count, values_.data(), &original_norm)) return false;
    norm_ = 1.0;
  }
  sum_ = sum_of_magnitudes(values_);
  const double reach = metric_ == Metric::l1 ? sum_ : norm_;
  bound_ = DistanceBound(metric_, terms.count + shape_.capacity, simd::kSparsePartialSums, reach, original_norm,
                         kDecodingError);
  return true;
}

void PlainDistance::aim(const ScalarCode &code, const uint8_t *own) {
  switch (shape_.own) {
    case OwnKind::bits:
      bits_.assign(own, own + shape_.own_bytes());
      break;
    case OwnKind::sparse: {
      const simd::SparseTerms terms = decode_sparse(code, own, shape_.capacity, decoded_.data());
      indices_.assign(terms.indices, terms.indices + terms.count);
      values_.assign(terms.values, terms.values + terms.count);
      break;
    }
    default:
      values_.resize(shape_.dimensions);
      kernels_.decode_u8(own, shape_.dimensions, code.minimum, code.step, values_.data());
      break;
  }
}

double PlainDistance::sparse_distance(const ScalarCode &code, const uint8_t *own) const {
  const simd::SparseTerms query{indices_.data(), values_.data(), values_.size()};
  const simd::SparseTerms terms = decode_sparse(code, own, shape_.capacity, decoded_.data());
  switch (metric_) {
    case Metric::inner_product:
      return -kernels_.sparse_inner_product(query, terms);
    case Metric::l1:
      return kernels_.sparse_l1(query, terms);
    default:
      return kernels_.sparse_squared_l2(query, terms);
  }
}

float PlainDistance::distance(const ScalarCode &code, const uint8_t *own) const {
  if (metric_ == Metric::hamming) return static_cast<float>(kernels_.hamming(bits_.data(), own, bits_.size()));
  return read(code, own).distance;
}

// Of bits that had no room on the page the bound assumes the best: equal, and under Jaccard all common.
Reading PlainDistance::read_bits(const uint8_t *own) const {
  const uint64_t left_out = shape_.dimensions - std::min<uint64_t>(shape_.dimensions, 8 * bits_.size());
  if (metric_ == Metric::hamming) {
    const auto different = static_cast<double>(kernels_.hamming(bits_.data(), own, bits_.size()));
    return {static_cast<float>(different), different, different + static_cast<double>(left_out)};
  }
  const auto counts = kernels_.count_common_bits(bits_.data(), own, bits_.size());
  return {static_cast<float>(jaccard_distance(counts.common, counts.either)),
          jaccard_distance(counts.common + left_out, counts.either + left_out),
          left_out == 0 ? jaccard_distance(counts.common, counts.either) : 1.0};
}

Reading PlainDistance::read(const ScalarCode &code, const uint8_t *own) const {
  switch (shape_.own) {
    case OwnKind::bits:
      return read_bits(own);
    case OwnKind::sparse: {
      const double own_distance = sparse_distance(code, own);
      const float norm = std::sqrt(code.squared_norm);
      const DistanceRange range = bound_.range(static_cast<float>(own_distance), code.error, code.squared_norm, norm);
      return {finite(own_distance), range.least, range.most};
    }
    default: {
      const float own_distance = kernels_.l1_float_u8(values_.data(), own, shape_.dimensions, code.minimum, code.step);
      const DistanceRange range = bound_.range(own_distance, code.error, code.squared_norm, 0.0f);
      return {finite(own_distance), range.least, range.most};
    }
  }
}

}  // namespace quiver::core
