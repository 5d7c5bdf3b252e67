// Chains of row chunks.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_rows.hpp"

#include <algorithm>

#include "pg/boundary.hpp"
#include "pg/test_points.hpp"

namespace quiver::hnsw {

namespace {

// Copies one chunk. False when it does not belong to `owner` (any more).
bool read_chunk(const OpenIndex &index, uint32 chunk_id, NodeId owner, RowChunk *copy) {
  const Buffer buffer = pin_rows_page(index, chunk_id / kChunksPerPage);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  const Page page = BufferGetPage(buffer);
  const bool there = pg::check_page(index.relation, buffer, kIndexMagic) && page_info(page)->kind == PageKind::rows;
  if (there) *copy = *chunk_at(page, chunk_id % kChunksPerPage);
  UnlockReleaseBuffer(buffer);
  return there && copy->owner == owner;
}

// The head of a live node's chain, or kNullNode.
NodeId read_chain_head(const OpenIndex &index, NodeId node) {
  const Buffer buffer = pin_node_page(index, node);
  LockBuffer(buffer, BUFFER_LOCK_SHARE);
  NodeId head = kNullNode;
  if (holds_nodes(index, buffer)) {
    const core::SlotHeader &header = *read_slot(index, BufferGetPage(buffer), node).header();
    if (header.state == core::SlotState::live) head = header.overflow;
  }
  UnlockReleaseBuffer(buffer);
  return head;
}

bool same_vector(const OpenIndex &index, const core::ConstSlot &slot, const core::ScalarCode &code,
                 const uint8_t *codes) {
  const core::SlotHeader &header = *slot.header();
  if (header.minimum != code.minimum || header.step != code.step || header.code_sum != code.code_sum) return false;
  const core::NodeShape &shape = index.shape();
  if (shape.own_bytes() == shape.unpacked_bytes()) return memcmp(slot.own(), codes, shape.own_bytes()) == 0;
  auto *packed = static_cast<uint8_t *>(palloc(shape.own_bytes()));
  shape.pack_own(codes, packed);
  const bool same = memcmp(slot.own(), packed, shape.own_bytes()) == 0;
  pfree(packed);
  return same;
}

enum class Added { yes, no_room, not_this_node };

// Puts the row into the slot itself when one of its two places is free. `head` is set to the chain's head otherwise.
Added add_to_slot(const OpenIndex &index, pg::Logging logging, NodeId node, const core::ScalarCode &code,
                  const uint8_t *codes, float error, RowId row, NodeId *head) {
  const Buffer buffer = pin_node_page(index, node);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  if (holds_nodes(index, buffer)) {
    const core::ConstSlot slot = read_slot(index, BufferGetPage(buffer), node);
    const core::SlotHeader &header = *slot.header();
    if (header.state == core::SlotState::live && same_vector(index, slot, code, codes)) {
      const int place = !header.rows[0].is_valid() ? 0 : !header.rows[1].is_valid() ? 1 : -1;
      *head = header.overflow;
      if (place >= 0 || header.error < error) {
        const pg::PageChange change = pg::begin_change(index.relation, buffer, logging);
        core::SlotHeader *changed = write_slot(index, change.page, node).header();
        changed->error = Max(changed->error, error);
        if (place >= 0) changed->rows[place] = row;
        pg::finish_change(change);
      } else {
        UnlockReleaseBuffer(buffer);
      }
      return place >= 0 ? Added::yes : Added::no_room;
    }
  }
  UnlockReleaseBuffer(buffer);
  return Added::not_this_node;
}

// Puts the row into the chain's first chunk.
Added add_to_chunk(const OpenIndex &index, pg::Logging logging, NodeId node, NodeId chunk_id, RowId row) {
  const Buffer buffer = pin_rows_page(index, chunk_id / kChunksPerPage);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  if (pg::check_page(index.relation, buffer, kIndexMagic) && page_info(BufferGetPage(buffer))->kind == PageKind::rows) {
    const RowChunk *chunk = chunk_at(BufferGetPage(buffer), chunk_id % kChunksPerPage);
    for (uint32 i = 0; chunk->owner == node && i < kRowsPerChunk; ++i) {
      if (chunk->rows[i].is_valid()) continue;
      const pg::PageChange change = pg::begin_change(index.relation, buffer, logging);
      chunk_at(change.page, chunk_id % kChunksPerPage)->rows[i] = row;
      pg::finish_change(change);
      return Added::yes;
    }
  }
  UnlockReleaseBuffer(buffer);
  return Added::no_room;
}

// Puts a row into a free chunk of a locked page of rows; kNullNode when the page is full. No chain has the chunk yet.
NodeId take_chunk(const OpenIndex &index, pg::Logging logging, Buffer buffer, bool fresh, RowId row) {
  const BlockNumber block = BufferGetBlockNumber(buffer);
  if (!fresh && page_info(BufferGetPage(buffer))->used_chunks >= kChunksPerPage) return kNullNode;
  const pg::PageChange change = pg::begin_change(index.relation, buffer, logging, fresh);
  if (fresh) initialize_rows_page(change.page);
  uint32 place = 0;
  while (place < kChunksPerPage && chunk_at(change.page, place)->owner != kNullNode) ++place;
  if (place == kChunksPerPage) pg::raise_corrupted(index.relation, block, "the count of used chunks is wrong");
  RowChunk *chunk = chunk_at(change.page, place);
  chunk->owner = kUnchained;
  chunk->rows[0] = row;
  page_info(change.page)->used_chunks++;
  pg::finish_change(change);
  return block * kChunksPerPage + place;
}

// Finds a chunk for a row: on the page of rows that was last extended, else on a new one, which then becomes that page.
NodeId store_chunk(const OpenIndex &index, pg::Logging logging, RowId row) {
  MetaPage meta;
  read_meta(index.relation, &meta);
  if (meta.rows_block != InvalidBlockNumber) {
    const Buffer buffer = pin_rows_page(index, meta.rows_block);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    if (pg::check_page(index.relation, buffer, kIndexMagic) &&
        page_info(BufferGetPage(buffer))->kind == PageKind::rows) {
      const NodeId id = take_chunk(index, logging, buffer, false, row);
      if (id != kNullNode) return id;
    }
    UnlockReleaseBuffer(buffer);
  }
  const Buffer buffer = pg::extend(index.relation);
  pg::test_point("rows_page_extended");
  const BlockNumber block = BufferGetBlockNumber(buffer);
  if (block >= kMaxRowsBlocks)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("hnsw index \"%s\" cannot have more rows", RelationGetRelationName(index.relation))));
  const NodeId id = take_chunk(index, logging, buffer, true, row);
  pg::test_point("rows_page_written");
  const Buffer meta_buffer = ReadBuffer(index.relation, kMetaBlock);
  LockBuffer(meta_buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, meta_buffer, logging);
  meta_of(change.page)->rows_block = block;
  pg::finish_change(change);
  return id;
}

// Puts a chunk before the node's chain, in one record. False when the node is no longer live.
bool chain_chunk(const OpenIndex &index, pg::Logging logging, NodeId node, NodeId chunk_id) {
  const Buffer holder = pin_node_page(index, node);
  const Buffer buffer = pin_rows_page(index, chunk_id / kChunksPerPage);
  pg::lock_pair(holder, buffer);
  if (!holds_nodes(index, holder) ||
      read_slot(index, BufferGetPage(holder), node).header()->state != core::SlotState::live) {
    pg::cancel_pair(holder, buffer);
    return false;
  }
  const pg::PairChange change = pg::begin_pair(index.relation, holder, buffer, logging);
  core::SlotHeader *header = write_slot(index, change.pages[0], node).header();
  RowChunk *chunk = chunk_at(change.pages[1], chunk_id % kChunksPerPage);
  chunk->owner = node;
  chunk->next = header->overflow;
  header->overflow = chunk_id;
  pg::finish_pair(change);
  return true;
}

}  // namespace

void clear_chunk(Page page, uint32 position) {
  RowChunk *chunk = chunk_at(page, position);
  memset(chunk, 0, sizeof *chunk);
  chunk->owner = chunk->next = kNullNode;
  page_info(page)->used_chunks--;
}

void free_chunk(const OpenIndex &index, pg::Logging logging, NodeId chunk_id) {
  const Buffer buffer = pin_rows_page(index, chunk_id / kChunksPerPage);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, logging);
  clear_chunk(change.page, chunk_id % kChunksPerPage);
  pg::finish_change(change);
}

namespace {

uint64 key_of(RowId row) { return (uint64{row.block_high} << 32) | (uint64{row.block_low} << 16) | row.position; }

// A chunk that became free and the head of the same chain while it was read leads to chunks read before.
void drop_repeated(std::pmr::vector<RowId> *rows, size_t first) {
  const auto begin = rows->begin() + static_cast<std::ptrdiff_t>(first);
  std::sort(begin, rows->end(), [](RowId a, RowId b) { return key_of(a) < key_of(b); });
  rows->erase(std::unique(begin, rows->end()), rows->end());
}

}  // namespace

void collect_chained_rows(const OpenIndex &index, NodeId node, NodeId first, std::pmr::vector<RowId> *rows) {
  const size_t kept = rows->size();
  NodeId chunk_id = first;
  const uint64 limit = static_cast<uint64>(RelationGetNumberOfBlocks(index.relation)) * kChunksPerPage;
  for (uint64 steps = 0; chunk_id != kNullNode; ++steps) {
    if (steps > limit) pg::raise_corrupted(index.relation, chunk_id / kChunksPerPage, "a chain of rows has no end");
    RowChunk chunk;
    const bool same_owner = pg::call([&] {
      CHECK_FOR_INTERRUPTS();
      return read_chunk(index, chunk_id, node, &chunk);
    });
    if (same_owner) {
      for (const RowId &row : chunk.rows)
        if (row.is_valid()) rows->push_back(row);
      chunk_id = chunk.next;
      pg::guarded_test_point("chunk_read");
    } else {
      rows->resize(kept);
      chunk_id = pg::call([&] { return read_chain_head(index, node); });
    }
  }
  drop_repeated(rows, kept);
}

bool add_row(const OpenIndex &index, pg::Logging logging, NodeId node, const core::ScalarCode &code,
             const uint8_t *codes, float error, RowId row) {
  NodeId head = kNullNode;
  const Added in_slot = add_to_slot(index, logging, node, code, codes, error, row, &head);
  pg::test_point("row_offered_to_slot");
  if (in_slot != Added::no_room) return in_slot == Added::yes;
  if (head != kNullNode && add_to_chunk(index, logging, node, head, row) == Added::yes) {
    pg::test_point("row_added_to_chunk");
    return true;
  }
  const NodeId chunk_id = store_chunk(index, logging, row);
  pg::test_point("chunk_stored");
  const bool chained = chain_chunk(index, logging, node, chunk_id);
  if (!chained) free_chunk(index, logging, chunk_id);
  pg::test_point("chunk_chained");
  return chained;
}

}  // namespace quiver::hnsw
