// A set of nodes of one index: a bit for each that there was when it was made.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "hnsw/hnsw_format.hpp"

namespace quiver::hnsw {

class NodeSet {
 public:
  NodeSet(NodeId limit, std::pmr::memory_resource *memory) : limit_(limit), bits_(limit / 8 + 1, memory) {}

  // False for nodes added later.
  bool contains(NodeId id) const { return id < limit_ && (bits_[id / 8] >> (id % 8) & 1) != 0; }
  // Nodes at or beyond the limit are passed over.
  void insert(NodeId id) {
    if (id < limit_) bits_[id / 8] = static_cast<uint8_t>(bits_[id / 8] | 1u << (id % 8));
  }
  void erase(NodeId id) {
    if (id < limit_) bits_[id / 8] = static_cast<uint8_t>(bits_[id / 8] & ~(1u << (id % 8)));
  }
  NodeId limit() const { return limit_; }

 private:
  NodeId limit_;
  std::pmr::vector<uint8_t> bits_;
};

}  // namespace quiver::hnsw
