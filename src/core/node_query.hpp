// A query made ready for the slots of an index: own distances, guaranteed bounds and neighbour estimates.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <memory_resource>
#include <vector>

#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/plain_distance.hpp"
#include "core/residual_code.hpp"
#include "core/rotation.hpp"
#include "core/vector_query.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

struct NodeReading : Reading {
  float reach;  // the distance is not below it: for sure, or where own vectors are coarse, all but surely
};

class NodeQuery {
 public:
  NodeQuery(const NodeShape &shape, Metric metric, const Rotation &rotation, std::pmr::memory_resource *memory);

  // Takes the user's vector (of the shape's kind and dimensions). False under cosine when its length is zero: every
  // distance is then NaN. Under l2 metric this also serves insertion into an index of unit vectors.
  bool aim(const VectorView &vector);

  // Takes a node's own vector, unpacked, as it decodes.
  void aim(const ScalarCode &code, const uint8_t *codes);

  // Distance of one node, which is visited. Not const: codes below 8 bits are unpacked into scratch space.
  NodeReading read(const ConstSlot &slot);
  // The same of a node that is not.
  NodeReading measure(const ConstSlot &slot);
  // Distance alone, from parts that were copied out of a slot. `codes`: unpacked.
  float distance(const ScalarCode &code, const uint8_t *codes) const;
  // The same from a query rounded to small integers: enough to choose where to begin.
  float rough_distance(const ScalarCode &code, const uint8_t *codes) const;

  // The distance of which the SQL operator would say this.
  float distance_of(double value) const { return static_cast<float>(ordering_distance(metric_, value)); }

  // Estimates of `lanes` neighbours of a node whose own distance is `own`. REQUIRES: the coded format.
  void estimate(const ConstSlot &slot, size_t lanes, float own, float *estimates) const;

  // See Visit. `largest_norm` of what was read so far.
  float horizon_shift() const { return metric_ == Metric::inner_product ? query_norm_ * largest_norm_ : 0.0f; }

 private:
  void prepare();
  void refine(const ScalarCode &code, NodeReading *reading) const;

  NodeShape shape_;
  Metric metric_;
  VectorQuery vector_;
  std::pmr::vector<uint8_t> unpacked_;
  PreparedLaneQuery prepared_;
  simd::LaneQuery lane_query_{};
  float query_norm_ = 0.0f;
  float largest_norm_ = 0.0f;
  const simd::Kernels *kernels_;
};

}  // namespace quiver::core
