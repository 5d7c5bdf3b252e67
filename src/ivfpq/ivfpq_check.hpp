// quiver_verify for lists: walks an index and reports every violation of the invariants that README.md numbers.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/row_encoder.hpp"
#include "ivfpq/ivfpq_index.hpp"
#include "types/index_check.hpp"

namespace quiver::ivfpq {

using types::Findings;

// The numbers of README.md.
enum Invariant : int {
  kPageIsWellFormed = 0,
  kRowIsInOneLane = 1,
  kChainBelongsToList = 2,
  kCountsAgree = 3,
  kEmptyLaneIsFar = 4,
  kVectorsBelongToPage = 5,
  kErrorCoversRow = 6,
  kEveryRowIsIndexed = 7,
  kPageIsReferenced = 8,
  kEntryIsValid = 9,
  kWordsAreWhole = 10,
};

// One check. Reads copies of pages, each taken under a share lock; never holds two.
class ListCheck {
 public:
  ListCheck(const OpenIndex &index, Findings *findings, std::pmr::memory_resource *memory);
  void run();
  void compare_with_heap(Relation heap, Snapshot snapshot);

 private:
  struct StoredRow {
    uint64 key;
    BlockNumber block;
    uint32 lane;
    BlockNumber vectors;
    bool operator<(const StoredRow &other) const { return key < other.key; }
  };

  static void heap_row(Relation, ItemPointer tid, Datum *values, bool *nulls, bool, void *check);
  bool copy_page(BlockNumber block, PGAlignedBlock *copy);
  void claim(BlockNumber block, Invariant invariant, BlockNumber from);
  void check_directory();
  void check_entry(BlockNumber block, uint32 place, uint32 number, const ListEntry &entry);
  void check_codebook();
  void check_list(uint32 list);
  bool check_codes_page(uint32 list, BlockNumber block, BlockNumber *next);
  void check_vector_pages(BlockNumber block);
  void check_rows();
  void check_unclaimed();
  bool is_free(BlockNumber block);
  void compare_row(RowId row, Datum value);

  const OpenIndex &index_;
  Findings *findings_;
  BlockNumber blocks_;
  PGAlignedBlock page_, other_, directory_page_;
  std::pmr::vector<uint8_t> claimed_;  // of each block: some link leads here
  std::pmr::vector<StoredRow> rows_;   // by key, once checked
  types::IndexOps ops_;
  core::RowEncoder encoder_;
  std::pmr::vector<uint8_t> codes_;
  MemoryContext row_context_;
};

// The types::CheckFunction of ivfpq and ivfflat.
void check_index(Relation index, Relation heap, Snapshot snapshot, Findings *findings);

}  // namespace quiver::ivfpq
