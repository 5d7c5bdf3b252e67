// What a graph under construction keeps in files, as one participant sees it.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/build_graph.hpp"
#include "core/spill.hpp"
#include "core/spill_buckets.hpp"

namespace quiver::core {

// An edge that waits for the lists of the node it starts from.
struct EdgeOffer {
  NodeId from, to;
};

// What waits for a near list: this, then so many NearNodes.
struct NearOffer {
  NodeId node;
  uint32_t count;
};

class BuildSpill {
 public:
  BuildSpill(SpillFiles *files, const NodeShape &shape, const BuildLayout &layout, BuildHeader *header,
             std::pmr::memory_resource *memory);

  SpillFiles &files() { return *files_; }
  const BuildPlan &plan() const { return plan_; }

  // Rows as they are collected: record, then RowId, `item_bytes()` each.
  size_t item_bytes() const { return record_bytes_ + kRowIdBytes; }
  void collect(const ScalarCode &code, const uint8_t *codes, RowId row);
  void flush_collected();
  void read_collected(uint64_t first, size_t count, std::pmr::vector<uint8_t> *items);

  // A record out of the file, through a cache; valid until the next call.
  const uint8_t *record(NodeId id);
  RowId row(NodeId id) { return rows_.at(id, header_->size); }
  const ExtraRow &extra_row(uint64_t i) { return extra_rows_.at(i, header_->extra_count); }

  // An edge or near nodes for a node whose lists lie in another window.
  void offer_edge(NodeId from, NodeId to);
  void offer_near(NodeId id, const NearNode *nodes, size_t count);
  size_t window_of(NodeId id) const { return id / plan_.capacity; }

  SpillBuckets sorted, cells, near, offers;

 private:
  static constexpr size_t kRowIdBytes = 8;
  static constexpr size_t kCollectedBytes = size_t{32} << 10;

  SpillFiles *files_;
  BuildPlan plan_;
  size_t record_bytes_;
  size_t code_bytes_;
  BuildHeader *header_;
  std::pmr::vector<uint8_t> collected_;
  std::pmr::vector<uint8_t> cache_;
  std::pmr::vector<NodeId> cached_;
  SpillReader<RowId> rows_;
  SpillReader<ExtraRow> extra_rows_;
};

}  // namespace quiver::core
