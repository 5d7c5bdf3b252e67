// A query against rotated own vectors: distances, and guaranteed bounds of what the SQL operator will say.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <memory_resource>
#include <vector>

#include "core/metric.hpp"
#include "core/plain_distance.hpp"
#include "core/rotation.hpp"
#include "core/scalar_code.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

class OwnQuery {
 public:
  // `dimensions`: 0 for an index whose own vectors are of another kind, which then asks nothing. `has_fine`: fine parts
  // follow the codes that read() takes.
  OwnQuery(size_t dimensions, bool has_fine, Metric metric, const Rotation &rotation,
           std::pmr::memory_resource *memory);

  // Takes the user's vector. False under cosine when its length is zero: every distance is then NaN.
  bool aim(const float *vector);
  // Takes an own vector, unpacked, as it decodes.
  void aim(const ScalarCode &code, const uint8_t *codes);

  // Squared L2, or -<q, x> for inner product, to an own vector. `codes`: unpacked.
  float distance(const ScalarCode &code, const uint8_t *codes) const;
  // The same by a query in small integers, off by a few thousandths of the lengths, in a fraction of the time.
  float rough_distance(const ScalarCode &code, const uint8_t *codes) const;
  // The standard deviation of what that is off by.
  float rough_error(const ScalarCode &code) const;
  // The same with its bounds, by the fine part where there is one.
  Reading read(const ScalarCode &code, const uint8_t *codes) const;

  const float *rotated() const { return rotated_.data(); }
  float norm() const { return norm_; }
  float squared_norm() const { return squared_norm_; }

 private:
  void prepare(double norm, double original_norm);
  float distance_of_product(float squared_norm, float product) const;
  Reading reading(float own, float error, float squared_norm, float center) const;

  Metric metric_;
  bool has_fine_;
  const Rotation &rotation_;
  const simd::Kernels &kernels_;
  std::pmr::vector<float> rotated_;
  std::pmr::vector<int8_t> rough_;  // rotated_ in steps of rough_step_
  float rough_step_ = 0.0f;
  float rough_rest_ = 0.0f;  // mean of what rounding took from a coordinate
  DistanceBound bound_;
  float sum_ = 0.0f;
  float norm_ = 0.0f;
  float squared_norm_ = 0.0f;
};

}  // namespace quiver::core
