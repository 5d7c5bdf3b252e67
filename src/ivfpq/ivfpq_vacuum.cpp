// VACUUM: dead rows leave their lanes, list by list; lanes are used again.
// SPDX-License-Identifier: PostgreSQL
#include <cmath>
#include <limits>

#include "ivfpq/ivfpq_calibrate.hpp"
#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "ivfpq/ivfpq_maintain.hpp"
#include "ivfpq/ivfpq_new_index.hpp"
#include "pg/compat.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "access/table.h"
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
}

namespace quiver::ivfpq {

namespace {

// A list is rewritten when fewer of its lanes hold rows, and may be merged with another when it has fewer rows.
constexpr double kLiveShare = 0.6, kFewRows = kRowsPerList / 4.0;

struct Removal {
  const OpenIndex &index;
  IndexVacuumInfo *info;
  IndexBulkDeleteCallback callback;
  void *callback_state;
  double kept, removed;
  // Bits for the blocks that there were at first: some link leads there.
  uint8 *claimed;
  BlockNumber blocks;

  void claim(BlockNumber block) {
    if (block < blocks) claimed[block / 8] |= static_cast<uint8>(1u << block % 8);
  }
  bool is_claimed(BlockNumber block) const { return (claimed[block / 8] >> block % 8 & 1) != 0; }
};

// Whether a list would be better rewritten, or merged with another.
bool is_sparse(double rows, BlockNumber pages, double lanes) {
  if (pages == 1) return rows < kFewRows;
  return rows < kLiveShare * pages * lanes && std::ceil(rows / lanes) < pages;
}

void mark_sparse(const OpenIndex &index, uint32 number) {
  const ListShape &shape = index.shape();
  const Buffer buffer = read_directory_page(
      index.relation, shape, index.cache->directory[number / shape.entries_per_page()], BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, pg::Logging::each_change);
  entry_at(change.page, shape, number % shape.entries_per_page())->is_sparse = true;
  pg::finish_change(change);
  pg::test_point("vacuum_list_marked");
}

// Takes the dead rows out of a page of codes in one record; returns the next page of the list. A lane without a row is
// infinitely far from everything; its vector stays until the lane is used again.
BlockNumber visit(Removal *removal, BlockNumber block, uint32 list) {
  const OpenIndex &index = removal->index;
  const ListShape &shape = index.shape();
  if (block >= RelationGetNumberOfBlocks(index.relation))
    pg::raise_corrupted(index.relation, block, "a link leads beyond the end of the index");
  const Buffer buffer = ReadBufferExtended(index.relation, MAIN_FORKNUM, block, RBM_NORMAL, removal->info->strategy);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  check_codes(index, buffer, list);
  const Page page = BufferGetPage(buffer);
  const BlockNumber next = page_info(page)->next;
  removal->claim(block);
  for (uint32 i = 0; i < shape.vector_pages(); ++i)
    if (vector_blocks(page)[i] != InvalidBlockNumber) removal->claim(vector_blocks(page)[i]);
  pg::PageChange change{nullptr, buffer, nullptr};
  for (uint32 lane = 0; lane < page_info(page)->used; ++lane) {
    const RowId row = rows_of(page, shape)[lane];
    if (!row.is_valid()) continue;
    ItemPointerData tid = item_pointer(row);
    if (!removal->callback(&tid, removal->callback_state)) {
      removal->kept += 1.0;
      continue;
    }
    if (change.state == nullptr) change = pg::begin_change(index.relation, buffer, pg::Logging::each_change);
    empty_lane(change.page, shape, lane);
    --page_info(change.page)->live;
    removal->removed += 1.0;
  }
  if (change.state != nullptr)
    pg::finish_change(change);
  else
    UnlockReleaseBuffer(buffer);
  pg::test_point("vacuum_lanes_emptied");
  return next;
}

// Visits a list. When few of its lanes are left in use, marks it.
void visit_list(Removal *removal, uint32 list) {
  const OpenIndex &index = removal->index;
  const double before = removal->kept;
  BlockNumber pages = 0;
  for (BlockNumber block = index.cache->lists[list].head; block != InvalidBlockNumber;) {
    compat::vacuum_delay();
    block = visit(removal, block, list);
    if (++pages > RelationGetNumberOfBlocks(index.relation))
      pg::raise_corrupted(index.relation, block, "the pages of a list lead in a circle");
  }
  const double rows = removal->kept - before, lanes = index.shape().lanes();
  if (removal->removed > 0.0 && is_sparse(rows, pages, lanes)) mark_sparse(index, index.cache->lists[list].number);
}

// Pages of zeros, which a crash left, and free ones that the map forgot, are for whoever needs a page next.
void find_lost_pages(const Removal &removal) {
  const Relation relation = removal.index.relation;
  for (BlockNumber block = kMetaBlock + 1; block < removal.blocks; ++block) {
    if (removal.is_claimed(block)) continue;
    compat::vacuum_delay();
    const Buffer buffer = ReadBufferExtended(relation, MAIN_FORKNUM, block, RBM_NORMAL, removal.info->strategy);
    LockBuffer(buffer, BUFFER_LOCK_SHARE);
    const bool is_free = PageIsNew(BufferGetPage(buffer)) || is_free_page(BufferGetPage(buffer));
    UnlockReleaseBuffer(buffer);
    if (is_free) RecordFreeIndexPage(relation, block);
  }
  IndexFreeSpaceMapVacuum(relation);
}

// Tells writers to look for room from the heads of lists again.
void record_removal(const OpenIndex &index, double rows, bool made_room) {
  const Buffer buffer = ReadBuffer(index.relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, pg::Logging::each_change);
  meta_of(change.page)->rows = static_cast<uint64>(rows);
  if (made_room) ++meta_of(change.page)->freed;
  pg::finish_change(change);
  pg::test_point("vacuum_counts_written");
}

}  // namespace

// Follows every list from its head: rows that were there when vacuum began are in pages that were, and never move.
IndexBulkDeleteResult *bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
                                   IndexBulkDeleteCallback callback, void *callback_state) {
  if (stats == nullptr) stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
  OpenIndex index;
  open_index(info->index, &index);
  const BlockNumber blocks = RelationGetNumberOfBlocks(info->index);
  auto *claimed = static_cast<uint8 *>(
      MemoryContextAllocExtended(CurrentMemoryContext, blocks / 8 + 1, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO));
  Removal removal{index, info, callback, callback_state, 0.0, 0.0, claimed, blocks};
  for (const BlockNumber block : index.cache->directory) removal.claim(block);
  for (uint32 list = 0; list < index.cache->lists.size(); ++list) visit_list(&removal, list);
  find_lost_pages(removal);
  pfree(claimed);
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  stats->num_index_tuples = removal.kept;
  stats->estimated_count = false;
  stats->tuples_removed += removal.removed;
  record_removal(index, removal.kept, removal.removed > 0.0);
  return stats;
}

// Lists are split here, so that also a VACUUM that has nothing to remove does it.
IndexBulkDeleteResult *vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
  if (info->analyze_only) return stats;
  if (stats == nullptr) {
    stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
    stats->num_index_tuples = info->num_heap_tuples;
    stats->estimated_count = true;
  }
  const Relation heap = table_open(info->index->rd_index->indrelid, NoLock);
  const MaintenanceReport report = maintain(info->index, heap);
  calibrate_if_stale(info->index, heap, stats->num_index_tuples);
  table_close(heap, NoLock);
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  stats->pages_newly_deleted += static_cast<BlockNumber>(report.freed_pages);
  stats->pages_deleted += static_cast<BlockNumber>(report.freed_pages);
  stats->pages_free += static_cast<BlockNumber>(report.freed_pages);
  return stats;
}

}  // namespace quiver::ivfpq
