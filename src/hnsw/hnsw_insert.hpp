// Insertion of one vector into the pages of an index.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "core/random.hpp"
#include "core/row_encoder.hpp"
#include "hnsw/hnsw_link.hpp"

namespace quiver::hnsw {

// Everything that the insertions of one statement share: scratch memory and the prepared search.
class Inserter {
 public:
  Inserter(const OpenIndex &index, int ef_construction, pg::Logging logging, MemoryContext context);

  // Inserts a row by the user's vector. Under cosine a vector without direction is left out.
  // Locks one page at a time; every record leaves a valid index.
  void insert(const core::VectorView &vector, RowId row);

 private:
  bool join_equal_node(RowId row);
  void choose_neighbours();
  NodeId store(RowId row);
  NodeId store_on(BlockNumber block, RowId row);
  NodeId write_node(Buffer buffer, bool fresh, RowId row);
  void offer_entry(NodeId id);

  pg::ContextResource memory_;
  OpenIndex index_;
  pg::Logging logging_;
  core::Random random_;
  core::RowEncoder encoder_;
  core::NodeQuery query_;
  VisitedVectors visited_;
  PageGraph graph_;
  core::Browser<PageGraph> browser_;
  Linker linker_;
  core::NodeWriter writer_;
  std::pmr::vector<core::PruneCandidate> neighbours_;  // index: a place in visited_
  std::pmr::vector<NodeId> ids_;                       // of the visited nodes, by place in visited_
  size_t chosen_ = 0;                                  // neighbours that prune chose; those after them only fill lanes
  size_t filled_ = 0;
};

}  // namespace quiver::hnsw
