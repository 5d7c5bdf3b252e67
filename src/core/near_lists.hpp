// The nearest other nodes met so far, of each node under construction: a bounded list, in memory that processes share.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "core/node_format.hpp"

namespace quiver::core {

struct NearNode {
  float distance;
  NodeId id;
  bool operator<(const NearNode &other) const { return distance < other.distance; }
};

// A list's head; its nodes lie behind it, as a heap with the farthest first once the list is full. Changed under the
// node's lock; the bound may be read without it, since it only falls.
class NearList {
 public:
  static size_t bytes(size_t capacity) { return sizeof(NearList) + capacity * sizeof(NearNode); }

  void clear() {
    bound_ = kInfinity;
    count_ = 0;
  }

  // The distance from which on a node is not kept.
  float bound() { return std::atomic_ref<float>(bound_).load(std::memory_order_relaxed); }

  std::span<const NearNode> nodes() const { return {reinterpret_cast<const NearNode *>(this + 1), count_}; }

  bool holds(NodeId id) const {
    bool is_there = false;  // without a branch for each
    for (const NearNode &node : nodes()) is_there |= node.id == id;
    return is_there;
  }

  void offer(const NearNode &node, size_t capacity) {
    if (!(node.distance < bound_) || holds(node.id)) return;
    auto *first = reinterpret_cast<NearNode *>(this + 1);
    const bool was_full = count_ == capacity;
    if (was_full)
      std::pop_heap(first, first + capacity);
    else
      ++count_;
    first[count_ - 1] = node;
    if (count_ < capacity) return;
    if (was_full)
      std::push_heap(first, first + capacity);
    else
      std::make_heap(first, first + capacity);
    std::atomic_ref<float>(bound_).store(first->distance, std::memory_order_relaxed);
  }

 private:
  static constexpr float kInfinity = std::numeric_limits<float>::infinity();

  float bound_;
  uint32_t count_;
};
static_assert(sizeof(NearList) % alignof(NearNode) == 0);

}  // namespace quiver::core
