// quiver_verify: walks an hnsw index and reports every violation of the invariants that README.md numbers.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "hnsw/hnsw_index.hpp"
#include "types/index_check.hpp"

namespace quiver::hnsw {

// The numbers of README.md.
enum Invariant : int {
  kPageIsWellFormed = 0,
  kRowIsInOneNode = 1,
  kLaneLeadsToNode = 2,
  kUnusedLaneIsNull = 3,
  kTombstoneHasNoRow = 4,
  kFreeSlotIsUnreferenced = 5,
  kNodeIsReachable = 6,
  kErrorCoversRows = 7,
  kEntriesAreNodes = 8,
  kBitmapsAgree = 9,
  kChainBelongsToNode = 10,
  kEveryRowIsIndexed = 11,
};

using types::Findings;

// One check. Reads copies of pages, each taken under a share lock; never holds two. What looks wrong between two pages
// is read again before it is reported, because writers go on meanwhile; vacuum is locked out by the caller.
class IndexCheck {
 public:
  IndexCheck(const OpenIndex &index, Findings *findings, std::pmr::memory_resource *memory);

  void run();

  // The node that holds a row, or kNullNode. REQUIRES: run().
  NodeId find_row(RowId row) const;
  // Compares the heap, as `snapshot` sees it, with the index.
  void compare_with_heap(Relation heap, Snapshot snapshot, std::pmr::memory_resource *memory);

 private:
  struct StoredRow {
    uint64 key;
    NodeId node;   // kNullNode: in a chunk that no chain has
    NodeId chunk;  // kNullNode: in the slot
  };
  struct Chunk {
    NodeId id, owner, next;
    bool in_chain;
  };
  struct ChainHead {
    NodeId node, chunk;
  };

  static uint64 key_of(RowId row) {
    return (uint64{row.block_high} << 32) | (uint64{row.block_low} << 16) | row.position;
  }
  template <class Visit>
  void for_each_page(Visit &&visit);
  bool copy_page(Buffer buffer);
  void survey_page(BlockNumber block);
  void survey_nodes(BlockNumber block);
  void survey_node(NodeId id, const core::ConstSlot &slot);
  void survey_chunks(BlockNumber block);
  void check_lanes(BlockNumber block);
  void check_lane(NodeId from, NodeId to);
  void check_chains();
  void check_rows();
  void check_entries();
  void check_reachability();
  core::SlotState state_now(NodeId id);
  bool follow(NodeId node, NodeId *chunk);
  RowChunk chunk_now(NodeId id);
  Chunk *known_chunk(NodeId id);
  BlockNumber block(NodeId id) const { return block_of(id, index_.shape()); }
  BlockNumber block_of_row(const StoredRow &row) const {
    return row.chunk == kNullNode ? block(row.node) : row.chunk / kChunksPerPage;
  }
  int slot(NodeId id) const { return static_cast<int>(slot_of(id, index_.shape())); }

  const OpenIndex &index_;
  Findings *findings_;
  BlockNumber blocks_;
  NodeId limit_;
  PGAlignedBlock page_;
  std::pmr::vector<uint8_t> states_;  // SlotState of every node id, or kNoSlot
  std::pmr::vector<StoredRow> rows_;  // by key, once checked
  std::pmr::vector<Chunk> chunks_;    // by id
  std::pmr::vector<ChainHead> heads_;
};

// The types::CheckFunction of hnsw.
void check_index(Relation index, Relation heap, Snapshot snapshot, Findings *findings);

}  // namespace quiver::hnsw
