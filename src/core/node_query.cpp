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

Reading NodeQuery::read(const ConstSlot &slot) {
  largest_norm_ = std::max(largest_norm_, std::sqrt(slot.header()->squared_norm));
  return measure(slot);
}

Reading NodeQuery::measure(const ConstSlot &slot) {
  const uint8_t *codes = slot.own();
  if (shape_.own_bits != 8) {
    unpack_codes(codes, shape_.dimensions, shape_.own_bits, unpacked_.data());
    codes = unpacked_.data();
  }
  return vector_.read(slot.header()->scalar_code(), codes);
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
