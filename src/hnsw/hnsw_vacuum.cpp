// Stage 1 of vacuum, and the access method's vacuum callbacks.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_vacuum.hpp"

#include "hnsw/hnsw_calibrate.hpp"

#include "hnsw/hnsw_internal.hpp"
#include "hnsw/hnsw_rows.hpp"
#include "pg/page_stream.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "access/transam.h"
#include "commands/vacuum.h"
#include "storage/indexfsm.h"
}

namespace quiver::hnsw {

RowRemoval::RowRemoval(const OpenIndex &index, IndexVacuumInfo *info, IndexBulkDeleteCallback callback,
                       void *callback_state, std::pmr::memory_resource *memory)
    : index_(index), info_(info), callback_(callback), callback_state_(callback_state), chained_(memory) {}

bool RowRemoval::is_dead(const RowId &row) const {
  ItemPointerData tid = item_pointer(row);
  return callback_(&tid, callback_state_);
}

void RowRemoval::run(IndexBulkDeleteResult *stats) {
  // Pages added meanwhile hold only rows of transactions that vacuum need not know.
  const BlockNumber blocks = RelationGetNumberOfBlocks(index_.relation);
  pg::PageStream pages;
  pages.open(index_.relation, kMetaBlock + 1, blocks, pg::PassPurpose::maintenance, info_->strategy);
  for (Buffer buffer = pages.next(); buffer != InvalidBuffer; buffer = pages.next()) {
    visit(buffer);
    compat::vacuum_delay();
    pg::test_point("vacuum_page_cleaned");
  }
  pages.close();
  for (const NodeId node : chained_) {
    compat::vacuum_delay();
    tidy_chain(node);
    pg::test_point("vacuum_chain_tidied");
  }
  stats->num_pages = blocks;
  stats->num_index_tuples = kept_;
  stats->estimated_count = false;
  stats->tuples_removed += removed_;
  record_counts(index_, live_nodes_, tombstones_);
}

void record_counts(const OpenIndex &index, uint64 live_nodes, uint64 tombstones) {
  const Buffer buffer = ReadBuffer(index.relation, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, pg::Logging::each_change);
  meta_of(change.page)->nodes = live_nodes;
  meta_of(change.page)->tombstones = tombstones;
  pg::finish_change(change);
  pg::test_point("vacuum_counts_recorded");
}

// REQUIRES: pinned; releases it.
void RowRemoval::visit(Buffer buffer) {
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  if (!pg::check_page(index_.relation, buffer, kIndexMagic)) {
    UnlockReleaseBuffer(buffer);
    return;
  }
  if (holds_nodes(index_, buffer))
    visit_nodes(buffer);
  else
    visit_chunks(buffer);
}

namespace {

void entomb(core::SlotHeader *header, PageInfo *info, uint32 place) {
  const uint64 stamp = U64FromFullTransactionId(ReadNextFullTransactionId());
  header->state = core::SlotState::tombstone;
  header->version++;
  set_stamp(header, stamp);
  info->tombstones |= 1u << place;
  info->newest_stamp = Max(info->newest_stamp, stamp);
}

}  // namespace

// REQUIRES: exclusively locked; releases it.
void RowRemoval::visit_nodes(Buffer buffer) {
  const core::NodeShape &shape = index_.shape();
  const BlockNumber block = BufferGetBlockNumber(buffer);
  pg::PageChange change{nullptr, buffer, nullptr};
  for (uint32 place = 0; place < shape.slots_per_page; ++place) {
    const NodeId id = node_id(block, place, shape);
    const core::ConstSlot slot = read_slot(index_, BufferGetPage(buffer), id);
    check_slot(index_, buffer, slot);
    const core::SlotHeader &header = *slot.header();
    if (header.state == core::SlotState::tombstone || header.state == core::SlotState::unlinked) ++tombstones_;
    if (header.state != core::SlotState::live) continue;
    bool dead[2], any_dead = false, any_left = header.overflow != kNullNode;
    for (int i = 0; i < 2; ++i) {
      const bool is_row = header.rows[i].is_valid();
      dead[i] = is_row && is_dead(header.rows[i]);
      any_dead |= dead[i];
      any_left |= is_row && !dead[i];
      kept_ += is_row && !dead[i] ? 1.0 : 0.0;
      removed_ += dead[i] ? 1.0 : 0.0;
    }
    if (header.overflow != kNullNode) chained_.push_back(id);
    ++live_nodes_;
    if (!any_dead && any_left) continue;
    if (change.state == nullptr) change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
    core::SlotHeader *changed = write_slot(index_, change.page, id).header();
    for (int i = 0; i < 2; ++i)
      if (dead[i]) changed->rows[i] = RowId{};
    if (any_left) continue;
    entomb(changed, page_info(change.page), place);
    --live_nodes_;
    ++tombstones_;
  }
  if (change.state != nullptr)
    pg::finish_change(change);
  else
    UnlockReleaseBuffer(buffer);
}

// REQUIRES: exclusively locked; releases it.
void RowRemoval::visit_chunks(Buffer buffer) {
  pg::PageChange change{nullptr, buffer, nullptr};
  for (uint32 place = 0; place < kChunksPerPage; ++place) {
    const RowChunk *chunk = chunk_at(BufferGetPage(buffer), place);
    if (chunk->owner == kNullNode) continue;
    for (uint32 i = 0; i < kRowsPerChunk; ++i) {
      if (!chunk->rows[i].is_valid()) continue;
      if (!is_dead(chunk->rows[i])) {
        kept_ += 1.0;
        continue;
      }
      if (change.state == nullptr) change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
      chunk_at(change.page, place)->rows[i] = RowId{};
      removed_ += 1.0;
    }
  }
  if (change.state != nullptr)
    pg::finish_change(change);
  else
    UnlockReleaseBuffer(buffer);
}

namespace {

bool is_empty(const RowChunk &chunk) {
  for (const RowId &row : chunk.rows)
    if (row.is_valid()) return false;
  return true;
}

// One step along a chain: the link to a chunk lies in the node's slot or in the chunk before it.
struct Link {
  bool in_node;
  NodeId holder;  // node id or chunk id
};

BlockNumber block_of_link(const OpenIndex &index, const Link &link) {
  return link.in_node ? block_of(link.holder, index.shape()) : link.holder / kChunksPerPage;
}

NodeId *link_on(const OpenIndex &index, Page page, const Link &link) {
  if (link.in_node) return &write_slot(index, page, link.holder).header()->overflow;
  return &chunk_at(page, link.holder % kChunksPerPage)->next;
}

// Follows one link; when the chunk it leads to is empty, takes the chunk out of the chain and frees it, in one record.
// Returns false at the end of the chain or when the node is gone.
bool tidy_link(const OpenIndex &index, NodeId node, Link *link) {
  const Buffer holder = ReadBuffer(index.relation, block_of_link(index, *link));
  LockBuffer(holder, BUFFER_LOCK_SHARE);
  const bool valid =
      !link->in_node || (holds_nodes(index, holder) &&
                         read_slot(index, BufferGetPage(holder), node).header()->state == core::SlotState::live);
  const NodeId chunk_id = valid ? *link_on(index, BufferGetPage(holder), *link) : kNullNode;
  LockBuffer(holder, BUFFER_LOCK_UNLOCK);
  if (chunk_id == kNullNode) {
    ReleaseBuffer(holder);
    return false;
  }
  const Buffer buffer = pin_rows_page(index, chunk_id / kChunksPerPage);
  pg::lock_pair(holder, buffer);
  pg::check_page(index.relation, buffer, kIndexMagic);
  const RowChunk chunk = *chunk_at(BufferGetPage(buffer), chunk_id % kChunksPerPage);
  if (page_info(BufferGetPage(buffer))->kind != PageKind::rows || chunk.owner != node)
    pg::raise_corrupted(index.relation, chunk_id / kChunksPerPage, "a chain of rows leads to another node's chunk");
  const bool moved = *link_on(index, BufferGetPage(holder), *link) != chunk_id;
  if (moved || !is_empty(chunk)) {
    pg::cancel_pair(holder, buffer);
    if (!moved) *link = {false, chunk_id};  // else a new head was put before it: look at this link again
    return true;
  }
  const pg::PairChange change = pg::begin_pair(index.relation, holder, buffer, pg::Logging::each_change);
  *link_on(index, change.pages[0], *link) = chunk.next;
  clear_chunk(change.pages[1], chunk_id % kChunksPerPage);
  pg::finish_pair(change);
  return true;
}

}  // namespace

void RowRemoval::tidy_chain(NodeId node) {
  Link link{true, node};
  while (tidy_link(index_, node, &link)) {
    CHECK_FOR_INTERRUPTS();
    pg::test_point("vacuum_link_tidied");
  }
  entomb_if_empty(node);
}

// A node that lost its last row in a chunk.
void RowRemoval::entomb_if_empty(NodeId node) {
  const Buffer buffer = pin_node_page(index_, node);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const core::SlotHeader &header = *read_slot(index_, BufferGetPage(buffer), node).header();
  if (!holds_nodes(index_, buffer) || header.state != core::SlotState::live || header.overflow != kNullNode ||
      header.rows[0].is_valid() || header.rows[1].is_valid()) {
    UnlockReleaseBuffer(buffer);
    return;
  }
  const pg::PageChange change = pg::begin_change(index_.relation, buffer, pg::Logging::each_change);
  entomb(write_slot(index_, change.page, node).header(), page_info(change.page), slot_of(node, index_.shape()));
  pg::finish_change(change);
  --live_nodes_;
  ++tombstones_;
}

namespace {

MemoryContext vacuum_context() {
  return AllocSetContextCreate(CurrentMemoryContext, "hnsw vacuum", ALLOCSET_DEFAULT_SIZES);
}

struct VacuumMemory {
  explicit VacuumMemory(MemoryContext context) : resource(context) {}
  pg::ContextResource resource;
  OpenIndex index;
};

}  // namespace

IndexBulkDeleteResult *bulk_delete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
                                   IndexBulkDeleteCallback callback, void *callback_state) {
  if (stats == nullptr) stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
  const MemoryContext context = vacuum_context();
  auto *memory = pg::make<VacuumMemory>(context, context);
  open_index(info->index, false, &memory->index);
  auto *removal = pg::make<RowRemoval>(context, memory->index, info, callback, callback_state, &memory->resource);
  removal->run(stats);
  MemoryContextDelete(context);
  return stats;
}

IndexBulkDeleteResult *vacuum_cleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats) {
  if (info->analyze_only) return stats;
  const MemoryContext context = vacuum_context();
  auto *memory = pg::make<VacuumMemory>(context, context);
  open_index(info->index, false, &memory->index);
  if (stats == nullptr) {
    stats = static_cast<IndexBulkDeleteResult *>(palloc0(sizeof(IndexBulkDeleteResult)));
    stats->num_pages = RelationGetNumberOfBlocks(info->index);
    stats->num_index_tuples = info->num_heap_tuples;
    stats->estimated_count = true;
  }
  if (memory->index.meta.tombstones > 0)
    pg::make<NodeRemoval>(context, memory->index, info, &memory->resource)->run(stats);
  IndexFreeSpaceMapVacuum(info->index);
  read_meta(info->index, &memory->index.meta);
  if (is_curve_stale(memory->index)) calibrate(info->index, pg::Logging::each_change);
  pg::test_point("vacuum_cleaned_up");
  MemoryContextDelete(context);
  return stats;
}

}  // namespace quiver::hnsw
