// The parts of vacuum: removing rows, tidying chains of rows, and taking dead nodes out of the graph.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/random.hpp"
#include "hnsw/hnsw_mend.hpp"

extern "C" {
#include "access/genam.h"
}

namespace quiver::hnsw {

// Writes what was counted into the meta page, for those who only want an idea.
void record_counts(const OpenIndex &index, uint64 live_nodes, uint64 tombstones);

// Stage 1, ambulkdelete: meets every stored row once and removes the dead ones. A node without rows becomes a
// tombstone, stamped with the next transaction id: it routes searches, and insertions that begin later never choose it.
class RowRemoval {
 public:
  RowRemoval(const OpenIndex &index, IndexVacuumInfo *info, IndexBulkDeleteCallback callback, void *callback_state,
             std::pmr::memory_resource *memory);
  void run(IndexBulkDeleteResult *stats);

 private:
  bool is_dead(const RowId &row) const;
  void visit(Buffer buffer);
  void visit_nodes(Buffer buffer);
  void visit_chunks(Buffer buffer);
  void tidy_chain(NodeId node);
  void entomb_if_empty(NodeId node);

  const OpenIndex &index_;
  IndexVacuumInfo *info_;
  IndexBulkDeleteCallback callback_;
  void *callback_state_;
  std::pmr::vector<NodeId> chained_;  // live nodes with further rows
  double kept_ = 0.0, removed_ = 0.0;
  uint64 live_nodes_ = 0, tombstones_ = 0;
};

// Stages 2 and 3, amvacuumcleanup: tombstones whose stamp every snapshot has passed lose their in-edges and are stamped
// again; those whose second stamp has passed become free slots. An interrupted vacuum leaves tombstones and extra
// lanes, which the next one finds again.
class NodeRemoval {
 public:
  NodeRemoval(const OpenIndex &index, IndexVacuumInfo *info, std::pmr::memory_resource *memory);
  void run(IndexBulkDeleteResult *stats);

 private:
  bool is_condemned(NodeId id) const { return condemned_.contains(id); }
  bool has_passed(uint64 stamp) const;
  template <class Visit>
  void for_each_page(Visit &&visit);
  void survey(Buffer buffer);
  void free_slots(Buffer buffer, uint32 slots);
  void unlink(Buffer buffer);
  uint32 bypass(Buffer buffer);
  void drop_lanes(NodeId id);
  void spare_neighbours(NodeId id);
  void restamp(Buffer buffer);
  void replace_entries();
  void note_referenced(Buffer buffer);
  void mend_orphans();

  const OpenIndex &index_;
  IndexVacuumInfo *info_;
  Linker linker_;
  core::Random random_;
  NodeSet condemned_;
  NodeSet referenced_;  // some live node's lane leads to it
  LaneMender mender_;
  std::pmr::vector<NodeId> page_nodes_;
  std::pmr::vector<NodeId> sample_;  // of live nodes, for dead entries
  uint64 condemned_count_ = 0, live_nodes_ = 0, tombstones_ = 0, freed_ = 0, live_seen_ = 0;
  BlockNumber free_pages_ = 0;
};

}  // namespace quiver::hnsw
