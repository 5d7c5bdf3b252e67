// Normalization, rotation and encoding of a row.
// SPDX-License-Identifier: PostgreSQL
#include "core/row_encoder.hpp"

#include <algorithm>
#include <cmath>

#include "simd/dispatch.hpp"

namespace quiver::core {

bool normalize(const float *values, size_t n, float *unit, double *length) {
  *length = std::sqrt(simd::kernels().squared_norm(values, n));
  if (!(*length > 0.0)) return false;
  const double inverse = 1.0 / *length;
  for (size_t i = 0; i < n; ++i) unit[i] = static_cast<float>(values[i] * inverse);
  return true;
}

RowEncoder::RowEncoder(const NodeShape &shape, Metric metric, const Rotation &rotation,
                       std::pmr::memory_resource *memory)
    : shape_(shape),
      metric_(metric),
      rotation_(rotation),
      indexed_(shape.dimensions, memory),
      rotated_(shape.dimensions, memory),
      codes_(shape.dimensions, memory) {}

bool RowEncoder::encode(const float *vector) {
  double length = 1.0;
  if (metric_ != Metric::cosine)
    std::copy_n(vector, shape_.dimensions, indexed_.begin());
  else if (!normalize(vector, shape_.dimensions, indexed_.data(), &length))
    return false;
  rotated_ = indexed_;
  rotation_.apply(rotated_.data());
  code_ = encode_scalar(rotated_.data(), shape_.dimensions, shape_.own_bits, codes_.data());
  // The SQL operator squares the lengths in binary32; where that loses digits no bound on its result holds.
  if (metric_ == Metric::cosine && !DistanceBound::usable_norm(length))
    code_.error = std::numeric_limits<float>::infinity();
  return true;
}

}  // namespace quiver::core
