// Preparation of a query and the arithmetic of a visit.
// SPDX-License-Identifier: PostgreSQL
#include "core/node_query.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/row_encoder.hpp"
#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// For inner product the cross term alone makes the estimate, so the add factors are replaced by zeros.
constexpr uint16_t kZeroFactors[kMaxLanes] = {};

}  // namespace

NodeQuery::NodeQuery(const NodeShape &shape, Metric metric, const Rotation &rotation, std::pmr::memory_resource *memory)
    : shape_(shape),
      metric_(metric),
      rotation_(rotation),
      plain_(shape, metric, memory),
      rotated_(shape.has_codes() ? shape.dimensions : 0, memory),
      rough_(rotated_.size(), memory),
      unpacked_(shape.own_bits == 8 ? 0 : shape.dimensions, memory),
      prepared_(memory),
      kernels_(&simd::kernels()) {}

bool NodeQuery::aim(const VectorView &vector) {
  if (shape_.has_codes()) return aim_rotated(vector.values);
  if (!plain_.aim(vector)) return false;
  query_norm_ = plain_.norm();
  largest_norm_ = 0.0f;
  return true;
}

bool NodeQuery::aim_rotated(const float *vector) {
  const size_t n = shape_.dimensions;
  double original_norm = 0.0;
  double norm = 1.0;
  if (metric_ == Metric::cosine) {
    if (!normalize(vector, n, rotated_.data(), &original_norm)) return false;
  } else {
    std::copy_n(vector, n, rotated_.begin());
    norm = original_norm = std::sqrt(kernels_->squared_norm(vector, n));
  }
  rotation_.apply(rotated_.data());
  prepare(norm, original_norm);
  return true;
}

void NodeQuery::aim(const ScalarCode &code, const uint8_t *codes) {
  largest_norm_ = 0.0f;
  if (!shape_.has_codes()) {
    plain_.aim(code, codes);
    query_norm_ = plain_.norm();
    return;
  }
  decode_scalar(code, codes, shape_.dimensions, rotated_.data());
  const double norm = std::sqrt(static_cast<double>(code.squared_norm));
  prepare(norm, norm);
}

// What follows from rotated_.
void NodeQuery::prepare(double norm, double original_norm) {
  // Each rounding of a unit vector's coordinates counts as one more step of the rotation.
  bound_ = DistanceBound(metric_, shape_.dimensions, norm, original_norm, rotation_.relative_error() + 0x1p-22);
  query_norm_ = static_cast<float>(norm);
  query_squared_norm_ = static_cast<float>(kernels_->squared_norm(rotated_.data(), shape_.dimensions));
  double sum = 0.0;
  for (const float value : rotated_) sum += value;
  query_sum_ = static_cast<float>(sum);
  largest_norm_ = 0.0f;
  rough_step_ = round_to_integers(rotated_.data(), rough_.size(), simd::kMaxSignedQuery, rough_.data());
  prepared_.prepare(shape_.code, rotated_.data());
  lane_query_ = metric_ == Metric::inner_product ? prepared_.inner_product_query() : prepared_.lane_query();
}

float NodeQuery::distance(const ScalarCode &code, const uint8_t *codes) const {
  if (!shape_.has_codes()) return plain_.distance(code, codes);
  const float dot = kernels_->dot_float_u8(rotated_.data(), codes, shape_.dimensions);
  return distance_of_product(code, code.minimum * query_sum_ + code.step * dot);
}

float NodeQuery::rough_distance(const ScalarCode &code, const uint8_t *codes) const {
  if (!shape_.has_codes()) return plain_.distance(code, codes);
  const int32_t dot = kernels_->dot_u8_s8(codes, rough_.data(), shape_.dimensions);
  return distance_of_product(code, code.minimum * query_sum_ + code.step * rough_step_ * static_cast<float>(dot));
}

float NodeQuery::distance_of_product(const ScalarCode &code, float product) const {
  if (metric_ == Metric::inner_product) return -product;
  return query_squared_norm_ + code.squared_norm - 2.0f * product;
}

Reading NodeQuery::read(const ConstSlot &slot) {
  const SlotHeader &header = *slot.header();
  const uint8_t *codes = slot.own();
  if (shape_.own_bits != 8) {
    unpack_codes(codes, shape_.dimensions, shape_.own_bits, unpacked_.data());
    codes = unpacked_.data();
  }
  const ScalarCode code = header.scalar_code();
  const float norm = std::sqrt(code.squared_norm);
  largest_norm_ = std::max(largest_norm_, norm);
  if (!shape_.has_codes()) return plain_.read(code, codes);
  const float own = distance(code, codes);
  const float largest_term = norm + 2.0f * std::fabs(code.minimum) * std::sqrt(static_cast<float>(shape_.dimensions));
  Reading reading{own, bound_.lower_bound(own, code.error, code.squared_norm, largest_term)};
  // Lengths that overflow binary32 leave no order to navigate by; the bound above already says so.
  if (!(std::fabs(own) <= std::numeric_limits<float>::max())) reading.distance = std::numeric_limits<float>::max();
  return reading;
}

void NodeQuery::estimate(const ConstSlot &slot, size_t lanes, float own, float *estimates) const {
  const bool inner_product = metric_ == Metric::inner_product;
  const simd::LaneBlock block{slot.code(0), shape_.code.bytes(), inner_product ? kZeroFactors : slot.add(),
                              slot.rescale(), lanes};
  if (shape_.code.bits == 2)
    kernels_->estimate_lanes_2bit(lane_query_, block, own, estimates);
  else
    kernels_->estimate_lanes_1bit(lane_query_, block, own, estimates);
}

}  // namespace quiver::core
