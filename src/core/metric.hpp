// The metrics an index can be asked for, and guaranteed lower bounds of what the SQL operator will say.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace quiver::core {

// Stored in the meta page: never renumber.
enum class Metric : uint16_t {
  l2 = 1,             // operator value: sqrt(sum (a - b)^2)
  inner_product = 2,  // operator value: -<a, b>
  cosine = 3,         // operator value: 1 - <a, b> / (|a| |b|); the index stores unit vectors
  l1 = 4,             // operator value: sum |a - b|
  hamming = 5,        // operator value: bits that differ
  jaccard = 6,        // operator value: see jaccard_distance
};

// What edges are chosen by: unit vectors are ordered by L2.
inline Metric edge_metric(Metric metric) { return metric == Metric::cosine ? Metric::l2 : metric; }

// What rows are ordered by inside an index, for an operator's value: squared L2 of what it holds (l2, cosine), else the
// value itself.
inline double ordering_distance(Metric metric, double value) {
  if (metric == Metric::l2) return value * value;
  return metric == Metric::cosine ? 2.0 * value : value;
}

// Bits set in both strings, and in either. Without a common bit, and for two empty sets, 1.
inline double jaccard_distance(uint64_t common, uint64_t either) {
  return common == 0 ? 1.0 : 1.0 - static_cast<double>(common) / static_cast<double>(either);
}

// Turns a distance to a decoded vector and that vector's error into a number that the SQL operator, computed in
// binary32 sums in any order on the original vectors, is never below. The executor stops a query with an error when a
// reported bound turns out too high, so every rounding on both sides is paid for here.
class DistanceBound {
 public:
  DistanceBound() = default;

  // `query_norm`: length of the query as the index uses it (1 for cosine). `original_norm`: length as the user gave it.
  // `rotation_error`: relative, of the rotation.
  DistanceBound(Metric metric, size_t dimensions, double query_norm, double original_norm, double rotation_error)
      : metric_(metric),
        query_norm_(query_norm),
        rotation_(rotation_error),
        // binary32 sums of n terms in at least four partial sums, and as much again for our own sums.
        sum_error_((static_cast<double>(dimensions) / 4.0 + 32.0) * 0x1p-24),
        underflow_(static_cast<double>(dimensions) * 0x1p-148),
        usable_(query_norm < kMaxNorm && (metric != Metric::cosine || usable_norm(original_norm))) {}

  // Squares of lengths outside this range lose digits, or everything, in binary32.
  static bool usable_norm(double norm) { return norm > kMinNorm && norm < kMaxNorm; }

  // `own`: what the node computed against its decoded vector: squared L2 distance for l2 and cosine, -<q, x> for inner
  // product, the sum of differences for l1, where lengths are sums of magnitudes. `largest_term`: a bound on the length
  // of any partial sum behind it.
  double lower_bound(float own, float error, float squared_norm, float largest_term) const {
    if (!usable_ || !std::isfinite(error) || !std::isfinite(own)) return least();
    const double norm = std::sqrt(static_cast<double>(squared_norm));
    const double reach = error + rotation_ * (query_norm_ + norm + error);
    const double rounding = sum_error_ * query_norm_ * (norm + largest_term);
    switch (metric_) {
      case Metric::inner_product: {
        const double operator_error = sum_error_ * query_norm_ * (norm + error);
        return own - query_norm_ * reach - rounding - operator_error - underflow_;
      }
      case Metric::l2: {
        const double distance = distance_floor(own, norm, rounding, reach);
        const double squared = distance * distance * (1.0 - sum_error_) - underflow_;
        return squared > 0.0 ? std::sqrt(squared) * (1.0 - 0x1p-40) : 0.0;
      }
      case Metric::cosine: {
        const double distance = distance_floor(own, norm, rounding, reach);
        return std::max(0.0, 0.5 * distance * distance - 4.0 * sum_error_);
      }
      case Metric::l1: {
        // Terms add up without cancellation; each decoded axis carries a rounding of its own size.
        const double rounded = own - 0x1p-22 * (query_norm_ + own);
        return std::max(0.0, ((rounded * (1.0 - sum_error_)) - error) * (1.0 - sum_error_) - underflow_);
      }
      default:
        return least();
    }
  }

  // What may be reported when nothing is known of a row.
  double least() const { return metric_ == Metric::inner_product ? -std::numeric_limits<double>::infinity() : 0.0; }

 private:
  static constexpr double kMinNorm = 1e-15;
  static constexpr double kMaxNorm = 1e18;

  // The distance less everything that may be wrong with it.
  double distance_floor(double own, double norm, double rounding, double reach) const {
    const double cancellation = sum_error_ * (query_norm_ * query_norm_ + norm * norm);
    const double squared = own - 2.0 * rounding - cancellation;
    return squared > 0.0 ? std::max(0.0, std::sqrt(squared) - reach) : 0.0;
  }

  Metric metric_ = Metric::l2;
  double query_norm_ = 0.0;
  double rotation_ = 0.0;
  double sum_error_ = 0.0;
  double underflow_ = 0.0;
  bool usable_ = false;
};

}  // namespace quiver::core
