// Preparation of a query and the arithmetic of a visit.
// SPDX-License-Identifier: PostgreSQL
#include "core/node_query.hpp"

#include <algorithm>
#include <cmath>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

// For inner product the cross term alone makes the estimate, so the add factors are replaced by zeros.
constexpr uint16_t kZeroFactors[kMaxLanes] = {};

// Standard deviations of a distance within which it lies all but surely.
constexpr float kDeviations = 6.0f;

}  // namespace

NodeQuery::NodeQuery(const NodeShape &shape, Metric metric, const Rotation &rotation, std::pmr::memory_resource *memory)
    : shape_(shape),
      metric_(metric),
      vector_(shape, metric, rotation, memory),
      unpacked_(shape.own_bits == 8 ? 0 : shape.dimensions, memory),
      prepared_(memory),
      kernels_(&simd::kernels()) {}

bool NodeQuery::aim(const VectorView &vector) {
  if (!vector_.aim(vector)) return false;
  prepare();
  return true;
}

void NodeQuery::aim(const ScalarCode &code, const uint8_t *codes) {
  vector_.aim(code, codes);
  prepare();
}

void NodeQuery::prepare() {
  query_norm_ = vector_.norm();
  largest_norm_ = 0.0f;
  if (!shape_.has_codes()) return;
  prepared_.prepare(shape_.code, vector_.rotated());
  lane_query_ = metric_ == Metric::inner_product ? prepared_.inner_product_query() : prepared_.lane_query();
}

float NodeQuery::distance(const ScalarCode &code, const uint8_t *codes) const { return vector_.distance(code, codes); }

float NodeQuery::rough_distance(const ScalarCode &code, const uint8_t *codes) const {
  return vector_.rough_distance(code, codes);
}

NodeReading NodeQuery::read(const ConstSlot &slot) {
  largest_norm_ = std::max(largest_norm_, std::sqrt(slot.header()->squared_norm));
  return measure(slot);
}

NodeReading NodeQuery::measure(const ConstSlot &slot) {
  const uint8_t *codes = slot.own();
  if (shape_.own_bits != 8) {
    unpack_codes(codes, shape_.dimensions, shape_.own_bits, unpacked_.data());
    codes = unpacked_.data();
  }
  const ScalarCode code = slot.header()->scalar_code();
  NodeReading reading{vector_.read(code, codes), 0.0f};
  reading.reach = distance_of(reading.bound);
  if (shape_.is_coarse() && shape_.has_codes()) refine(code, &reading);
  return reading;
}

// With few bits the distance to the decoded vector is mostly that vector's error e: near and far hardly differ in
// proportion. But e lies across the decoded vector, whose steps are the best for its values, and after the rotation
// any way to the rest of the query, so that for a vector x the query q has <q, x^> = (1 - e^2 / |x|^2) <q, x>, give or
// take a normal deviation. From that follows the distance itself, off by a few thousandths of it.
void NodeQuery::refine(const ScalarCode &code, NodeReading *reading) const {
  const float error = code.error * code.error, norm = code.squared_norm + error;
  const float share = error / norm, rest = 1.0f - share;
  if (!(std::isfinite(norm) && rest > 0.0f)) return;
  const float query_norm = query_norm_ * query_norm_;
  const float axes = static_cast<float>(shape_.dimensions);
  float deviation;
  if (metric_ == Metric::inner_product) {
    reading->distance /= rest;
    deviation = std::sqrt(query_norm * error / axes) / rest;
  } else {
    reading->distance = std::max(0.0f, (reading->distance - error + share * (norm - query_norm)) / rest);
    deviation = 2.0f * std::sqrt(reading->distance * error / axes) / rest;
  }
  reading->reach = std::max(reading->reach, reading->distance - kDeviations * deviation);
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
