// What vacuum puts in the place of lanes that lead to dead nodes, in the coded format.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "hnsw/hnsw_link.hpp"
#include "hnsw/hnsw_node_set.hpp"

namespace quiver::hnsw {

// Mends a page at a time. Lanes to live nodes stay as they are. For the others, a dead neighbour's slot tells by its
// codes how far its own neighbours are from the node that loses it; the nearest few are read, and those come in that no
// lane covers. Which lanes cover one is again told by codes, those of the node itself. So a lane costs a few visits
// instead of one for every neighbour of every neighbour, and a page one record.
//
// Lives in a context. Holds one content lock at most, and none between calls.
class LaneMender {
 public:
  LaneMender(const OpenIndex &index, const NodeSet &condemned, std::pmr::memory_resource *memory);

  // Mends the nodes of a page, tombstones too: those only lose lanes. Returns the bits of slots that other writers
  // changed at every try; their lanes are as they were. REQUIRES: the coded format.
  uint32 mend(BlockNumber block);

  // A node's slot as it would be without the condemned ones; good until the next call. REQUIRES: the coded format, and
  // that the node's page holds nodes.
  core::ConstSlot mended(NodeId id);

 private:
  // A neighbour of a dead one that was read.
  struct Fresh {
    NodeId id;
    uint32_t vector;  // in vectors_
    float distance;
    float occlusion;  // see PruneCandidate
  };

  bool copy_page(BlockNumber block);
  uint32 edit_copy(BlockNumber block, uint32 slots);
  uint32 put_back(BlockNumber block, uint32 slots);
  void find_gaps(const core::ConstSlot &slot);
  void mend_slot(NodeId id, const core::Slot &slot);
  void find_fresh(NodeId id, const core::ConstSlot &slot);
  void ask_dead(NodeId dead, NodeId from, const core::ConstSlot &slot);
  bool is_fresh(NodeId id) const;
  bool read_fresh(NodeId id);
  void cover(const core::ConstSlot &slot, Fresh *fresh);
  float occlusion_by(float lane, float between, float distance) const;
  size_t fill_gaps(const core::Slot &slot);

  const OpenIndex &index_;
  const NodeSet &condemned_;
  core::NodeQuery query_;
  core::NodeWriter writer_;
  VisitedVectors vectors_;
  std::pmr::vector<uint8_t> codes_;         // of one own vector, unpacked
  std::pmr::vector<uint8_t> own_codes_;     // of the node being mended
  std::pmr::vector<core::Candidate> pool_;  // neighbours of dead neighbours, by estimate
  std::pmr::vector<Fresh> fresh_;
  core::ScalarCode own_code_{};
  float lane_distances_[core::kMaxLanes];
  float estimates_[core::kMaxLanes];
  bool is_gap_[core::kMaxLanes];
  size_t gaps_ = 0;
  PGAlignedBlock before_, page_;  // the page as it was read, and as it shall be
};

}  // namespace quiver::hnsw
