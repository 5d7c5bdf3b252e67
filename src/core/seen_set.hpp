// Hash table of the nodes a search has met, with the least estimate of each where that is asked for.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory_resource>
#include <vector>

#include "simd/dispatch.hpp"

namespace quiver::core {

// At most five eighths full, so that few buckets overflow into the next. Ids may be anything but 0xffffffff.
class SeenSet {
 public:
  enum class Keeps : bool { ids, estimates };

  SeenSet(Keeps keeps, std::pmr::memory_resource *memory)
      : kernels_(simd::kernels()), keeps_(keeps), ids_(kInitialPlaces, simd::kNoId, memory), estimates_(memory) {
    if (keeps_ == Keeps::estimates) estimates_.resize(kInitialPlaces);
  }

  // Makes room for `more` insertions, so that add cannot allocate.
  void reserve(size_t more) {
    if (is_crowded(size_ + more, ids_.size())) grow(size_ + more);
  }

  // Inserts what is new of n ids. found[i]: a handle of ids[i] that is good until the next insertion; see is_new.
  void add(const uint32_t *ids, size_t n, uint32_t *found) noexcept {
    kernels_.add_ids(ids_.data(), ids_.size(), ids, n, found);
    for (size_t i = 0; i < n; ++i) size_ += is_new(found[i]);
  }
  static bool is_new(uint32_t found) noexcept { return (found & simd::kAddedId) != 0; }

  // Keeps::estimates. Whether the id is new or was met with a larger estimate; keeps the smaller. No estimate is
  // smaller than that of a visited node.
  bool improve(uint32_t found, float estimate) noexcept {
    float &kept = estimates_[found & ~simd::kAddedId];
    const bool better = is_new(found) || estimate < kept;
    kept = better ? estimate : kept;
    return better;
  }
  void mark_visited(uint32_t id) noexcept {
    uint32_t found;
    add(&id, 1, &found);
    estimates_[found & ~simd::kAddedId] = kVisited;
  }
  bool is_visited(uint32_t id) noexcept {
    uint32_t found;
    add(&id, 1, &found);
    return !is_new(found) && estimates_[found] == kVisited;
  }

  // Empties the table. A table that grew large is cut back, so that an insert after a wide search starts small again.
  void clear() {
    if (size_ == 0) return;
    if (ids_.size() > kKeptPlaces) ids_.resize(kKeptPlaces);
    std::fill(ids_.begin(), ids_.end(), simd::kNoId);
    if (keeps_ == Keeps::estimates) estimates_.resize(ids_.size());
    size_ = 0;
  }

  size_t size() const { return size_; }
  size_t bytes() const { return ids_.size() * sizeof(uint32_t) + estimates_.size() * sizeof(float); }

 private:
  static constexpr size_t kInitialPlaces = 8192;
  static constexpr size_t kKeptPlaces = 16384;
  static constexpr float kVisited = -std::numeric_limits<float>::infinity();

  static bool is_crowded(size_t entries, size_t places) { return entries * 8 > places * 5; }

  void grow(size_t wanted) {
    size_t places = ids_.size();
    while (is_crowded(wanted, places)) places *= 2;
    std::pmr::vector<uint32_t> old_ids(places, simd::kNoId, ids_.get_allocator());
    std::pmr::vector<float> old_estimates(keeps_ == Keeps::estimates ? places : 0, ids_.get_allocator());
    old_ids.swap(ids_);
    old_estimates.swap(estimates_);
    size_ = 0;
    for (size_t i = 0; i < old_ids.size(); ++i) {
      if (old_ids[i] == simd::kNoId) continue;
      uint32_t found;
      add(&old_ids[i], 1, &found);
      if (keeps_ == Keeps::estimates) improve(found, old_estimates[i]);
    }
  }

  const simd::Kernels &kernels_;
  Keeps keeps_;
  std::pmr::vector<uint32_t> ids_;     // the table
  std::pmr::vector<float> estimates_;  // of the id at the same place, or none
  size_t size_ = 0;
};

}  // namespace quiver::core
