// Edges on pages: choosing a node's neighbours and rewriting its lanes, for insertion and vacuum.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <algorithm>
#include <memory_resource>
#include <vector>

#include "core/node_writer.hpp"
#include "core/robust_prune.hpp"
#include "hnsw/hnsw_page_graph.hpp"

namespace quiver::hnsw {

// A writer whose pruning was overtaken by others tries again this often, then leaves the node as it is.
inline constexpr int kMaxRewrites = 3;

// A node's lanes as they were when it was read under share lock, with its own vector.
struct LaneSnapshot {
  bool live;
  uint8_t version;
  uint32_t count;
  NodeId ids[core::kMaxLanes];
};

// Whether a live node's lanes are those of the snapshot, or of an earlier copy of the slot. The version tells that the
// slot is not another node's by now; it counts to 255 only, so the lanes are compared as well.
bool has_same_lanes(const core::ConstSlot &slot, const LaneSnapshot &lanes);
bool has_same_lanes(const core::ConstSlot &slot, const core::ConstSlot &before);

// Scratch space and the steps that insertion and vacuum share. No locks are held between calls, one within.
class Linker {
 public:
  Linker(const OpenIndex &index, pg::Logging logging, std::pmr::memory_resource *memory);

  // Copies a node's own vector into `vectors()` and returns its place there; kAbsent when the slot holds no live node.
  static constexpr uint32_t kAbsent = 0xffffffffu;
  uint32_t read_vector(NodeId id, LaneSnapshot *lanes);
  VisitedVectors &vectors() { return vectors_; }

  // Adds an edge from a live node to the new node; prunes when its lanes are full.
  void add_edge(NodeId from, NodeId to, const core::ScalarCode &code, const uint8_t *codes);

  // Offers an existing node to every neighbour of its own, when nothing else leads to it any more.
  void reoffer(NodeId id);

  core::NodeWriter &writer() { return writer_; }

  // Replaces the lanes of `from` to nodes of which `condemned(id)` holds by the best of its live neighbours and theirs.
  // True when it had such lanes and they are gone.
  template <class Condemned>
  bool bypass(NodeId from, Condemned &&condemned);

 private:
  enum class Outcome { done, full, overtaken };
  struct Replacement {
    NodeId id;
    uint32_t vector;
    uint8_t lane;  // where it already is, or NodeWriter::kNewLane
  };

  Outcome try_append(NodeId from, NodeId to, const core::ScalarCode &code, const uint8_t *codes);
  Outcome try_rewrite(NodeId from, const LaneSnapshot &lanes);
  void gather(const LaneSnapshot &lanes, uint32_t own);
  void add_candidate(uint32_t own, uint32_t vector, NodeId id, uint8_t lane);
  void arrange(size_t lasting, size_t count, uint8_t *order) const;
  bool rewrite_without(NodeId from, uint32_t own, const LaneSnapshot &lanes);

  const OpenIndex &index_;
  pg::Logging logging_;
  core::NodeWriter writer_;
  VisitedVectors vectors_;
  std::pmr::vector<core::PruneCandidate> candidates_;
  std::pmr::vector<Replacement> replacements_;  // candidates_[i].index is a place here
  std::pmr::vector<NodeId> dead_;               // neighbours that bypass() is to replace
  std::pmr::vector<uint8_t> codes_;
};

template <class Condemned>
bool Linker::bypass(NodeId from, Condemned &&condemned) {
  for (int attempt = 0; attempt < kMaxRewrites; ++attempt) {
    vectors_.clear();
    LaneSnapshot lanes;
    const uint32_t own = read_vector(from, &lanes);
    if (own == kAbsent) return false;
    dead_.clear();
    for (uint32_t i = 0; i < lanes.count; ++i)
      if (condemned(lanes.ids[i])) dead_.push_back(lanes.ids[i]);
    if (dead_.empty()) return false;
    if (rewrite_without(from, own, lanes)) return true;
  }
  return false;
}

}  // namespace quiver::hnsw
