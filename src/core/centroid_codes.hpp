// Short codes of all centroids of an index of lists: which of them may be near a vector, without a look at each.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <vector>

#include "core/list_code.hpp"

namespace quiver::core {

// Codes of the differences of centroids and their mean, as lists have of their rows, in blocks of 32. Neighbouring
// numbers lie in different blocks: centroids near each other often have them.
class CentroidCodes {
 public:
  explicit CentroidCodes(std::pmr::memory_resource *memory);

  // Codes `count` centroids of shape.dimensions values; `decode(i, values)` gives the i-th, twice. `by_product`: for
  // estimates of inner products, too.
  template <class Decode>
  void assign(const CodeShape &shape, bool by_product, size_t count, const Decode &decode) {
    begin(shape, by_product, count);
    std::pmr::vector<float> values(shape.dimensions, memory_);
    for (size_t i = 0; i < count; ++i) {
      decode(i, values.data());
      for (size_t axis = 0; axis < shape.dimensions; ++axis) mean_[axis] += values[axis];
    }
    for (float &value : mean_) value /= static_cast<float>(count);
    ListEncoder encoder(shape, nullptr, false, memory_);
    for (size_t i = 0; i < count; ++i) {
      decode(i, values.data());
      encode(i, values.data(), &encoder);
    }
  }
  void clear() { count_ = 0; }
  bool is_empty() const { return count_ == 0; }

 private:
  friend class NearCentroids;
  void begin(const CodeShape &shape, bool by_product, size_t count);
  void encode(size_t number, float *values, ListEncoder *encoder);
  size_t place_of(size_t number) const { return number % blocks_ * simd::kBlockLanes + number / blocks_; }
  size_t number_of(size_t place) const { return place % simd::kBlockLanes * blocks_ + place / simd::kBlockLanes; }

  std::pmr::memory_resource *memory_;
  CodeShape shape_{};
  size_t count_ = 0, blocks_ = 0;
  float table_error_ = 0.0f;  // standard error of a sum of a query's tables, for a difference of length 1
  std::pmr::vector<float> mean_, zeros_;
  std::pmr::vector<uint8_t> codes_;
  std::pmr::vector<float> add_, product_add_, rescale_, error_;  // by place
};

// How far each centroid is from one vector at least, all but surely; hands out those that may be within some distance.
class NearCentroids {
 public:
  explicit NearCentroids(std::pmr::memory_resource *memory)
      : tables_(memory), difference_(memory), lows_(memory), least_(memory) {}

  // Compares with all. `vector`: rotated, shape.dimensions values. Distances are squared L2, or -<vector, centroid>.
  // `errors`: how many standard errors of its code a distance may lie below its estimate; 3.5: all but surely none
  // does. REQUIRES: codes, as long as this is used; by_product as they were assigned.
  void aim(const CentroidCodes &codes, const float *vector, bool by_product, float errors);
  // No centroids.
  void clear() {
    lows_.clear();
    least_.clear();
  }

  // At least so many that were not handed out yet, or all, may be within this.
  float limit_for(size_t wanted);

  // Calls body(number) for each centroid that may be within `limit` and was not handed out before. The body may lower
  // the limit.
  template <class Body>
  void take_within(const float &limit, Body &&body) {
    for (size_t block = 0; block < least_.size(); ++block) {
      if (least_[block] > limit) continue;
      float *lows = &lows_[block * simd::kBlockLanes];
      // Chosen without branches: which they are is hard to predict.
      size_t lanes[simd::kBlockLanes], chosen = 0;
      for (size_t lane = 0; lane < simd::kBlockLanes; ++lane) {
        lanes[chosen] = lane;
        chosen += (lows[lane] <= limit) & (lows[lane] != kInfinity) ? 1 : 0;
      }
      for (size_t i = 0; i < chosen; ++i) {
        if (lows[lanes[i]] > limit) continue;
        lows[lanes[i]] = kInfinity;
        body(codes_->number_of(block * simd::kBlockLanes + lanes[i]));
      }
      least_[block] = least_of(lows);
    }
  }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();
  static float least_of(const float *lows);

  const CentroidCodes *codes_ = nullptr;
  PreparedListQuery tables_;
  std::pmr::vector<float> difference_;  // of the vector and the mean
  std::pmr::vector<float> lows_;        // by place; infinite once handed out
  std::pmr::vector<float> least_;       // of each block
  std::pmr::vector<float> scratch_{lows_.get_allocator()};
};

}  // namespace quiver::core
