// The metrics an index can be asked for, and guaranteed bounds of what the SQL operator will say.
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

// What an operator's value is never below and never above.
struct DistanceRange {
  double least, most;
};

// Turns a distance to a decoded vector and that vector's error into a range that the SQL operator, computed in binary32
// sums in any order on the original vectors, never leaves. The executor stops a query with an error when a reported
// bound turns out too high, and takes rows whose ranges do not meet in their order unseen, so every rounding on both
// sides is paid for here.
class DistanceBound {
 public:
  DistanceBound() = default;

  // `partial_sums`: the least that a kernel adds its terms up in. `query_norm`: length of the query as the index uses
  // it (1 for cosine). `original_norm`: length as the user gave it. `rotation_error`: relative, of the rotation.
  DistanceBound(Metric metric, size_t dimensions, size_t partial_sums, double query_norm, double original_norm,
                double rotation_error)
      : metric_(metric),
        query_norm_(query_norm),
        rotation_(rotation_error),
        // A rounding for each term of the longest partial sum, and some for adding those up.
        sum_error_((static_cast<double>(dimensions) / static_cast<double>(partial_sums) + 32.0) * 0x1p-24),
        underflow_(static_cast<double>(dimensions) * 0x1p-148),
        usable_(query_norm < kMaxNorm && (metric != Metric::cosine || usable_norm(original_norm))) {}

  // Squares of lengths outside this range lose digits, or everything, in binary32.
  static bool usable_norm(double norm) { return norm > kMinNorm && norm < kMaxNorm; }

  // `own`: what the node computed against its decoded vector: squared L2 distance for l2 and cosine, -<q, x> for inner
  // product, the sum of differences for l1, where lengths are sums of magnitudes. `largest_term`: a bound on the length
  // of any partial sum behind it.
  DistanceRange range(float own, float error, float squared_norm, float largest_term) const {
    if (!usable_ || !std::isfinite(error) || !std::isfinite(own)) return anything();
    const double norm = std::sqrt(static_cast<double>(squared_norm));
    const double reach = error + rotation_ * (query_norm_ + norm + error);
    const double rounding = sum_error_ * query_norm_ * (norm + largest_term);
    switch (metric_) {
      case Metric::inner_product: {
        const double operator_error = sum_error_ * query_norm_ * (norm + error);
        const double doubt = query_norm_ * reach + rounding + operator_error + underflow_;
        return {own - doubt, own + doubt};
      }
      case Metric::l2: {
        const DistanceRange distance = true_distance(own, norm, rounding, reach);
        const double least = distance.least * distance.least * (1.0 - sum_error_) - underflow_;
        const double most = distance.most * distance.most * (1.0 + sum_error_) + underflow_;
        return {least > 0.0 ? std::sqrt(least) * (1.0 - 0x1p-40) : 0.0, std::sqrt(most) * (1.0 + 0x1p-40)};
      }
      case Metric::cosine: {
        const DistanceRange distance = true_distance(own, norm, rounding, reach);
        const double doubt = 3.0 * sum_error_;  // once for the product, half of it for either length, and some more
        return {std::max(0.0, 0.5 * distance.least * distance.least - doubt),
                0.5 * distance.most * distance.most + doubt};
      }
      case Metric::l1: {
        // Terms add up without cancellation; each decoded axis carries a rounding of its own size.
        const double rounding_of_axes = 0x1p-22 * (query_norm_ + own);
        const double least = (own - rounding_of_axes) * (1.0 - sum_error_) - error;
        const double most = (own + rounding_of_axes) * (1.0 + sum_error_) + error;
        return {std::max(0.0, least * (1.0 - sum_error_) - underflow_), most * (1.0 + sum_error_) + underflow_};
      }
      default:
        return anything();
    }
  }

  // When nothing is known of a row.
  DistanceRange anything() const {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    return {metric_ == Metric::inner_product ? -kInfinity : 0.0, kInfinity};
  }

 private:
  static constexpr double kMinNorm = 1e-15;
  static constexpr double kMaxNorm = 1e18;

  // The distance, less and more everything that may be wrong with it.
  DistanceRange true_distance(double own, double norm, double rounding, double reach) const {
    const double doubt = 2.0 * rounding + sum_error_ * (query_norm_ * query_norm_ + norm * norm);
    const double least = own - doubt > 0.0 ? std::max(0.0, std::sqrt(own - doubt) - reach) : 0.0;
    return {least, std::sqrt(std::max(0.0, own + doubt)) + reach};
  }

  Metric metric_ = Metric::l2;
  double query_norm_ = 0.0;
  double rotation_ = 0.0;
  double sum_error_ = 0.0;
  double underflow_ = 0.0;
  bool usable_ = false;
};

}  // namespace quiver::core
