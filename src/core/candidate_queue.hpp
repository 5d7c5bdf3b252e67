// The heaps of a graph search: candidates near the horizon, the pile beyond it, and the nearest found.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory_resource>
#include <vector>

namespace quiver::core {

struct Candidate {
  float estimate;
  uint32_t id;
};

// Candidates by ascending estimate. Those beyond the horizon wait unsorted, and are sorted in only when it reaches
// them: most searches end before.
class CandidateQueue {
 public:
  explicit CandidateQueue(std::pmr::memory_resource *memory) : near_(memory), far_(memory) {}

  void reserve(size_t more) {
    near_.reserve(grown(near_, more));
    far_.reserve(grown(far_, more));
  }

  // Never allocates after reserve(n).
  void push(const Candidate *candidates, size_t n, float horizon) noexcept {
    const float limit = std::max(horizon, admitted_);
    size_t near_count = near_.size(), far_count = far_.size();
    near_.resize(near_count + n);
    far_.resize(far_count + n);
    Candidate *near = near_.data(), *far = far_.data();
    float floor = far_floor_;
    // Without a branch: no processor can foresee on which side a candidate lies.
    for (size_t i = 0; i < n; ++i) {
      const Candidate candidate = candidates[i];
      const bool is_near = candidate.estimate <= limit;
      near[near_count] = far[far_count] = candidate;
      near_count += is_near;
      far_count += !is_near;
      floor = std::min(floor, is_near ? std::numeric_limits<float>::infinity() : candidate.estimate);
    }
    const auto first = near_.begin();
    auto sorted = near_.end() - static_cast<std::ptrdiff_t>(n);
    near_.resize(near_count);
    far_.resize(far_count);
    far_floor_ = floor;
    while (sorted != near_.end()) std::push_heap(first, ++sorted, Later());
  }

  // The least estimate, or null when none lies within the horizon: what waits beyond it stays unsorted.
  const Candidate *best(float horizon) {
    while (!far_.empty() && far_floor_ <= horizon && (near_.empty() || far_floor_ < near_.front().estimate)) sort_in();
    return near_.empty() ? nullptr : &near_.front();
  }

  void pop() noexcept {
    std::pop_heap(near_.begin(), near_.end(), Later());
    near_.pop_back();
  }

  // The least estimate of the near heap alone: cheap, for choosing what to read next.
  float near_estimate() const noexcept {
    return near_.empty() ? std::numeric_limits<float>::infinity() : near_.front().estimate;
  }
  uint32_t near_id() const noexcept { return near_.front().id; }

  void clear() {
    near_.clear();
    far_.clear();
    far_floor_ = std::numeric_limits<float>::infinity();
    admitted_ = -std::numeric_limits<float>::infinity();
  }

  size_t bytes() const { return (near_.capacity() + far_.capacity()) * sizeof(Candidate); }

 private:
  // A type, not a function: heaps then call it in line.
  struct Later {
    bool operator()(const Candidate &a, const Candidate &b) const { return a.estimate > b.estimate; }
  };

  static size_t grown(const std::pmr::vector<Candidate> &v, size_t more) {
    return v.size() + more <= v.capacity() ? v.capacity() : std::max(2 * v.capacity(), v.size() + more);
  }

  // Moves the nearest eighth of the pile, so that a growing horizon costs each candidate a few looks, not one per row.
  void sort_in() {
    const size_t count = std::max<size_t>(64, far_.size() / 8);
    if (count < far_.size()) {
      auto earlier = [](const Candidate &a, const Candidate &b) { return a.estimate < b.estimate; };
      std::nth_element(far_.begin(), far_.begin() + static_cast<std::ptrdiff_t>(count), far_.end(), earlier);
    }
    const size_t moved = std::min(count, far_.size());
    near_.reserve(grown(near_, moved));
    for (size_t i = 0; i < moved; ++i) {
      near_.push_back(far_[i]);
      std::push_heap(near_.begin(), near_.end(), Later());
    }
    far_.erase(far_.begin(), far_.begin() + static_cast<std::ptrdiff_t>(moved));
    far_floor_ = std::numeric_limits<float>::infinity();
    for (const Candidate &candidate : far_) far_floor_ = std::min(far_floor_, candidate.estimate);
    admitted_ = far_floor_ == std::numeric_limits<float>::infinity() ? admitted_ : far_floor_;
  }

  std::pmr::vector<Candidate> near_;
  std::pmr::vector<Candidate> far_;
  float far_floor_ = std::numeric_limits<float>::infinity();
  float admitted_ = -std::numeric_limits<float>::infinity();  // sort_in moved everything below this
};

// The k-th smallest of a growing set of distances, where k may grow as well.
class KthDistance {
 public:
  // `may_grow`: whether raise() will be called; if not, what is beyond the k-th is forgotten at once.
  KthDistance(size_t k, bool may_grow, std::pmr::memory_resource *memory)
      : k_(k), may_grow_(may_grow), nearest_(memory), rest_(memory) {}

  void add(float distance) {
    if (nearest_.size() < k_) {
      push(nearest_, distance, std::less<float>());
      return;
    }
    if (distance < nearest_.front()) distance = replace_largest(distance);
    if (may_grow_) push(rest_, distance, std::greater<float>());
  }

  void raise(size_t k) {
    k_ = std::max(k_, k);
    while (nearest_.size() < k_ && !rest_.empty())
      push(nearest_, pop(rest_, std::greater<float>()), std::less<float>());
  }

  // Infinite while fewer than k are known.
  float value() const { return nearest_.size() < k_ ? std::numeric_limits<float>::infinity() : nearest_.front(); }

  void clear(size_t k) {
    k_ = k;
    nearest_.clear();
    rest_.clear();
  }

  size_t bytes() const { return (nearest_.capacity() + rest_.capacity()) * sizeof(float); }

 private:
  template <class Order>
  static void push(std::pmr::vector<float> &heap, float value, Order order) {
    heap.push_back(value);
    std::push_heap(heap.begin(), heap.end(), order);
  }
  template <class Order>
  static float pop(std::pmr::vector<float> &heap, Order order) {
    std::pop_heap(heap.begin(), heap.end(), order);
    const float value = heap.back();
    heap.pop_back();
    return value;
  }

  // Puts a smaller distance in the place of the largest and lets it sink. Returns what was the largest.
  float replace_largest(float distance) {
    const float largest = nearest_.front();
    float *heap = nearest_.data();
    const size_t size = nearest_.size();
    size_t hole = 0;
    for (size_t child = 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && heap[child] < heap[child + 1]) ++child;
      if (heap[child] <= distance) break;
      heap[hole] = heap[child];
      hole = child;
    }
    heap[hole] = distance;
    return largest;
  }

  size_t k_;
  bool may_grow_;
  std::pmr::vector<float> nearest_;  // max-heap of the k smallest
  std::pmr::vector<float> rest_;     // min-heap
};

}  // namespace quiver::core
