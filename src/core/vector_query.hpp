// A query against own vectors of any kind: distances, and guaranteed bounds of what the SQL operator will say.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstdint>
#include <memory_resource>

#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/own_query.hpp"
#include "core/plain_distance.hpp"
#include "core/rotation.hpp"

namespace quiver::core {

// `codes` are unpacked: see NodeShape.
class VectorQuery {
 public:
  VectorQuery(const NodeShape &shape, Metric metric, const Rotation &rotation, std::pmr::memory_resource *memory)
      : is_rotated_(shape.has_codes()),
        plain_(shape, metric, memory),
        own_(is_rotated_ ? shape.dimensions : 0, shape.has_fine(), metric, rotation, memory) {}

  // Takes the user's vector (of the shape's kind and dimensions). False under cosine when its length is zero: every
  // distance is then NaN.
  bool aim(const VectorView &vector) { return is_rotated_ ? own_.aim(vector.values) : plain_.aim(vector); }
  // Takes an own vector, as it decodes.
  void aim(const ScalarCode &code, const uint8_t *codes) {
    if (is_rotated_)
      own_.aim(code, codes);
    else
      plain_.aim(code, codes);
  }

  float distance(const ScalarCode &code, const uint8_t *codes) const {
    return is_rotated_ ? own_.distance(code, codes) : plain_.distance(code, codes);
  }
  // Of rotated vectors the same by small integers: enough to choose where to begin.
  float rough_distance(const ScalarCode &code, const uint8_t *codes) const {
    return is_rotated_ ? own_.rough_distance(code, codes) : plain_.distance(code, codes);
  }
  // The standard deviation of what that is off by.
  float rough_error(const ScalarCode &code) const { return is_rotated_ ? own_.rough_error(code) : 0.0f; }
  Reading read(const ScalarCode &code, const uint8_t *codes) const {
    return is_rotated_ ? own_.read(code, codes) : plain_.read(code, codes);
  }

  float norm() const { return is_rotated_ ? own_.norm() : plain_.norm(); }
  // Of rotated vectors only.
  float squared_norm() const { return own_.squared_norm(); }
  const float *rotated() const { return own_.rotated(); }

 private:
  bool is_rotated_;
  PlainDistance plain_;  // does the work for all but rotated vectors
  OwnQuery own_;         // for these
};

}  // namespace quiver::core
