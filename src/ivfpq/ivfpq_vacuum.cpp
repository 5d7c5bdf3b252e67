// VACUUM: dead rows leave their lanes, list by list; lanes are used again.
// SPDX-License-Identifier: PostgreSQL
#include <limits>

#include "ivfpq/ivfpq_index.hpp"
#include "ivfpq/ivfpq_internal.hpp"
#include "pg/compat.hpp"

extern "C" {
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
}

namespace quiver::ivfpq {

namespace {

struct Removal {
  const OpenIndex &index;
  IndexVacuumInfo *info;
  IndexBulkDeleteCallback callback;
  void *callback_state;
  double kept, removed;
};

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
    rows_of(change.page, shape)[lane] = RowId{};
    *add_factor(change.page, shape, lane) = std::numeric_limits<float>::infinity();
    --page_info(change.page)->live;
    removal->removed += 1.0;
  }
  if (change.state != nullptr)
    pg::finish_change(change);
  else
    UnlockReleaseBuffer(buffer);
  return next;
}

// Tells writers to look for room from the heads of lists again.
void record_removal(const OpenIndex &index, double rows, bool made_room) {
  const Buffer buffer = ReadBuffer(index.relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, pg::Logging::each_change);
  meta_of(change.page)->rows = static_cast<uint64>(rows);
  if (made_room) ++meta_of(change.page)->freed;
  pg::finish_change(change);
}

}  // namespace

// Follows every list from its head: rows that were there when vacuum began are in pages that were, and never move.
IndexBulkDeleteResult *bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
                                   IndexBulkDeleteCallback callback, void *callback_state) {
  if (stats == nullptr) stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
  OpenIndex index;
  open_index(info->index, &index);
  Removal removal{index, info, callback, callback_state, 0.0, 0.0};
  const Size lists = index.cache->lists.size();
  for (uint32 list = 0; list < lists; ++list) {
    BlockNumber steps = 0;
    for (BlockNumber block = index.cache->lists[list].head; block != InvalidBlockNumber;) {
      compat::vacuum_delay();
      block = visit(&removal, block, list);
      if (++steps > RelationGetNumberOfBlocks(info->index))
        pg::raise_corrupted(info->index, block, "the pages of a list lead in a circle");
    }
  }
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  stats->num_index_tuples = removal.kept;
  stats->estimated_count = false;
  stats->tuples_removed += removal.removed;
  record_removal(index, removal.kept, removal.removed > 0.0);
  return stats;
}

IndexBulkDeleteResult *vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
  if (info->analyze_only || stats != nullptr) return stats;
  stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
  stats->num_pages = RelationGetNumberOfBlocks(info->index);
  stats->num_index_tuples = info->num_heap_tuples;
  stats->estimated_count = true;
  return stats;
}

}  // namespace quiver::ivfpq
