// Normalization, rotation and encoding of a row.
// SPDX-License-Identifier: PostgreSQL
#include "core/row_encoder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/own_vector.hpp"
#include "core/sparse_code.hpp"
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
      memory_(memory),
      values_(memory),
      rotated_(memory),
      codes_(shape.unpacked_bytes(), memory) {}

bool RowEncoder::encode(const VectorView &vector) {
  switch (shape_.own) {
    case OwnKind::bits:
      encode_bits(vector);
      return true;
    case OwnKind::sparse:
      return encode_sparse_terms(vector);
    default:
      return encode_dense(vector);
  }
}

bool RowEncoder::encode_dense(const VectorView &vector) {
  double length = 1.0;
  values_.assign(vector.values, vector.values + shape_.dimensions);
  if (metric_ == Metric::cosine && !normalize(vector.values, shape_.dimensions, values_.data(), &length)) return false;
  indexed_ = VectorView::dense(values_.data(), shape_.dimensions);
  rotated_ = values_;
  if (shape_.has_codes()) rotation_.apply(rotated_.data());
  code_ = encode_scalar(rotated_.data(), shape_.dimensions, shape_.own_bits, codes_.data());
  if (shape_.own == OwnKind::scalar && std::isfinite(code_.error))
    code_.error = std::nextafter(static_cast<float>(distance_to(code_, codes_.data()) * (1.0 + 1e-9)),
                                 std::numeric_limits<float>::infinity());
  // The SQL operator squares the lengths in binary32; where that loses digits no bound on its result holds.
  if (metric_ == Metric::cosine && !DistanceBound::usable_norm(length))
    code_.error = std::numeric_limits<float>::infinity();
  if (shape_.has_fine())
    encode_fine(rotated_.data(), shape_.dimensions, code_, codes_.data(), codes_.data() + shape_.dimensions);
  return true;
}

void RowEncoder::encode_bits(const VectorView &vector) {
  indexed_ = vector;
  std::copy_n(vector.bits, codes_.size(), codes_.begin());
  code_ = code_of_bits(codes_.data(), codes_.size());
}

bool RowEncoder::encode_sparse_terms(const VectorView &vector) {
  indexed_ = vector;
  double length = 1.0;
  if (metric_ == Metric::cosine) {
    values_.resize(vector.terms.count);
    if (!normalize(vector.terms.values, vector.terms.count, values_.data(), &length)) return false;
    indexed_.terms.values = values_.data();
  }
  code_ = encode_sparse(indexed_.terms, shape_.capacity, metric_ == Metric::l1, codes_.data(), memory_);
  if (metric_ == Metric::cosine && !DistanceBound::usable_norm(length))
    code_.error = std::numeric_limits<float>::infinity();
  return true;
}

void RowEncoder::copy_values(float *values) const {
  if (shape_.is_scalar())
    std::copy(rotated_.begin(), rotated_.end(), values);
  else
    decode_own(shape_, code_, codes_.data(), values);
}

double RowEncoder::distance_to(const ScalarCode &code, const uint8_t *codes) const {
  if (shape_.own == OwnKind::bits)
    return std::memcmp(codes, codes_.data(), codes_.size()) == 0 ? 0.0 : std::numeric_limits<double>::infinity();
  if (shape_.own == OwnKind::sparse) return sparse_distance_to(code, codes);
  double squares = 0.0, magnitudes = 0.0;
  for (size_t i = 0; i < shape_.dimensions; ++i) {
    const double difference = static_cast<double>(rotated_[i]) -
                              (static_cast<double>(code.minimum) + static_cast<double>(code.step) * codes[i]);
    squares += difference * difference;
    magnitudes += std::fabs(difference);
  }
  return shape_.own == OwnKind::scalar ? magnitudes : std::sqrt(squares);
}

double RowEncoder::fine_distance_to(const ScalarCode &code, const uint8_t *codes) const {
  return fine_distance(rotated_.data(), shape_.dimensions, code, codes, shape_.fine_of(codes));
}

double RowEncoder::sparse_distance_to(const ScalarCode &code, const uint8_t *codes) const {
  std::pmr::vector<float> decoded(shape_.capacity, memory_);
  const simd::SparseTerms own = decode_sparse(code, codes, shape_.capacity, decoded.data());
  const simd::SparseTerms &row = indexed_.terms;
  double squares = 0.0, magnitudes = 0.0;
  for (size_t i = 0, j = 0; i < row.count || j < own.count;) {
    constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
    const int64_t left = i < row.count ? row.indices[i] : kNone, right = j < own.count ? own.indices[j] : kNone;
    const double x = left <= right ? row.values[i++] : 0.0, y = right <= left ? own.values[j++] : 0.0;
    squares += (x - y) * (x - y);
    magnitudes += std::fabs(x - y);
  }
  return metric_ == Metric::l1 ? magnitudes : std::sqrt(squares);
}

}  // namespace quiver::core
