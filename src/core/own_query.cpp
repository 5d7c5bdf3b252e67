// Preparation of a query and the arithmetic of one own vector.
// SPDX-License-Identifier: PostgreSQL
#include "core/own_query.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/fine_code.hpp"
#include "core/residual_code.hpp"
#include "core/row_encoder.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

OwnQuery::OwnQuery(size_t dimensions, bool has_fine, Metric metric, const Rotation &rotation,
                   std::pmr::memory_resource *memory)
    : metric_(metric),
      has_fine_(has_fine),
      rotation_(rotation),
      kernels_(simd::kernels()),
      rotated_(dimensions, memory),
      rough_(dimensions, memory) {}

bool OwnQuery::aim(const float *vector) {
  const size_t n = rotated_.size();
  double original_norm = 0.0;
  double norm = 1.0;
  if (metric_ == Metric::cosine) {
    if (!normalize(vector, n, rotated_.data(), &original_norm)) return false;
  } else {
    std::copy_n(vector, n, rotated_.begin());
    norm = original_norm = std::sqrt(kernels_.squared_norm(vector, n));
  }
  rotation_.apply(rotated_.data());
  prepare(norm, original_norm);
  return true;
}

void OwnQuery::aim(const ScalarCode &code, const uint8_t *codes) {
  decode_scalar(code, codes, rotated_.size(), rotated_.data());
  const double norm = std::sqrt(static_cast<double>(code.squared_norm));
  prepare(norm, norm);
}

// What follows from rotated_.
void OwnQuery::prepare(double norm, double original_norm) {
  // Each rounding of a unit vector's coordinates counts as one more step of the rotation.
  bound_ = DistanceBound(metric_, rotated_.size(), simd::kDensePartialSums, norm, original_norm,
                         rotation_.relative_error() + 0x1p-22);
  norm_ = static_cast<float>(norm);
  squared_norm_ = static_cast<float>(kernels_.squared_norm(rotated_.data(), rotated_.size()));
  double sum = 0.0;
  for (const float value : rotated_) sum += value;
  sum_ = static_cast<float>(sum);
  rough_step_ = round_to_integers(rotated_.data(), rough_.size(), simd::kMaxSignedQuery, rough_.data());
  const int rough_sum = std::accumulate(rough_.begin(), rough_.end(), 0);
  rough_rest_ =
      (sum_ - rough_step_ * static_cast<float>(rough_sum)) / static_cast<float>(std::max<size_t>(1, rough_.size()));
}

float OwnQuery::distance(const ScalarCode &code, const uint8_t *codes) const {
  const float dot = kernels_.dot_float_u8(rotated_.data(), codes, rotated_.size());
  return distance_of_product(code.squared_norm, code.minimum * sum_ + code.step * dot);
}

float OwnQuery::rough_distance(const ScalarCode &code, const uint8_t *codes) const {
  const int32_t dot = kernels_.dot_u8_s8(codes, rough_.data(), rotated_.size());
  // Codes are all positive: what rounding took from the query counts for their mean.
  const float rest = rough_rest_ * static_cast<float>(code.code_sum);
  const float product = code.minimum * sum_ + code.step * (rough_step_ * static_cast<float>(dot) + rest);
  return distance_of_product(code.squared_norm, product);
}

// Each coordinate of the query is off by up to half a step, evenly.
float OwnQuery::rough_error(const ScalarCode &code) const {
  const float deviation = rough_step_ * std::sqrt(code.squared_norm / 12.0f);
  return metric_ == Metric::inner_product ? deviation : 2.0f * deviation;
}

float OwnQuery::distance_of_product(float squared_norm, float product) const {
  if (metric_ == Metric::inner_product) return -product;
  return squared_norm_ + squared_norm - 2.0f * product;
}

Reading OwnQuery::read(const ScalarCode &code, const uint8_t *codes) const {
  if (!has_fine_) return reading(distance(code, codes), code.error, code.squared_norm, code.minimum);
  const uint8_t *part = codes + rotated_.size();
  const FineCode fine = fine_code_of(part);
  const FineScale scale = fine_scale_of(code);
  const float dot = kernels_.dot_float_u14(rotated_.data(), codes, fine_levels_of(part), rotated_.size());
  const float own = distance_of_product(fine.squared_norm, scale.middle * sum_ + scale.step * dot);
  return reading(own, fine.error, fine.squared_norm, scale.middle);
}

// `center`: what the decoded axes differ from by the other term of a product.
Reading OwnQuery::reading(float own, float error, float squared_norm, float center) const {
  const float norm = std::sqrt(squared_norm);
  const float largest_term = norm + 2.0f * std::fabs(center) * std::sqrt(static_cast<float>(rotated_.size()));
  const DistanceRange range = bound_.range(own, error, squared_norm, largest_term);
  Reading reading{own, range.least, range.most};
  // Lengths that overflow binary32 leave no order to navigate by; the bound above already says so.
  if (!(std::fabs(own) <= std::numeric_limits<float>::max())) reading.distance = std::numeric_limits<float>::max();
  return reading;
}

}  // namespace quiver::core
