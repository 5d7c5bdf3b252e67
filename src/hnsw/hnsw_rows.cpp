// Chains of row chunks.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_rows.hpp"

#include "pg/boundary.hpp"

namespace quiver::hnsw {

namespace {

// Copies one chunk. False when it does not belong to `owner` (any more).
bool read_chunk(const OpenIndex &index, uint32 chunk_id, NodeId owner, RowChunk *copy) {
  const BlockNumber block = chunk_id / kChunksPerPage;
  if (block >= index.cache->hints.capacity && block >= RelationGetNumberOfBlocks(index.relation))
    pg::raise_corrupted(index.relation, block, "a chain of rows points beyond the end of the index");
  const Buffer buffer = pg::read_block(index.relation, block, &index.cache->hints);
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
  const Buffer buffer = pg::read_block(index.relation, chunk_id / kChunksPerPage, &index.cache->hints);
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

// Writes a chunk into a free place of a locked page of rows; kNullNode when the page is full.
NodeId take_chunk(const OpenIndex &index, pg::Logging logging, Buffer buffer, bool fresh, const RowChunk &chunk) {
  const BlockNumber block = BufferGetBlockNumber(buffer);
  if (!fresh && page_info(BufferGetPage(buffer))->used_chunks >= kChunksPerPage) return kNullNode;
  const pg::PageChange change = pg::begin_change(index.relation, buffer, logging, fresh);
  if (fresh) initialize_rows_page(change.page);
  uint32 place = 0;
  while (place < kChunksPerPage && chunk_at(change.page, place)->owner != kNullNode) ++place;
  if (place == kChunksPerPage) pg::raise_corrupted(index.relation, block, "the count of used chunks is wrong");
  *chunk_at(change.page, place) = chunk;
  page_info(change.page)->used_chunks++;
  pg::finish_change(change);
  return block * kChunksPerPage + place;
}

// Finds a place for a chunk: on the page of rows that was last extended, else on a new one, which then becomes that
// page.
NodeId store_chunk(const OpenIndex &index, pg::Logging logging, const RowChunk &chunk) {
  MetaPage meta;
  read_meta(index.relation, &meta);
  if (meta.rows_block != InvalidBlockNumber) {
    const Buffer buffer = pg::read_block(index.relation, meta.rows_block, &index.cache->hints);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    if (pg::check_page(index.relation, buffer, kIndexMagic) &&
        page_info(BufferGetPage(buffer))->kind == PageKind::rows) {
      const NodeId id = take_chunk(index, logging, buffer, false, chunk);
      if (id != kNullNode) return id;
    }
    UnlockReleaseBuffer(buffer);
  }
  const Buffer buffer = pg::extend(index.relation);
  const BlockNumber block = BufferGetBlockNumber(buffer);
  if (block >= kMaxRowsBlocks)
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("hnsw index \"%s\" cannot have more rows", RelationGetRelationName(index.relation))));
  const NodeId id = take_chunk(index, logging, buffer, true, chunk);
  const Buffer meta_buffer = ReadBuffer(index.relation, kMetaBlock);
  LockBuffer(meta_buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, meta_buffer, logging);
  meta_of(change.page)->rows_block = block;
  pg::finish_change(change);
  return id;
}

void relink_chunk(const OpenIndex &index, pg::Logging logging, NodeId chunk_id, NodeId next) {
  const Buffer buffer = pg::read_block(index.relation, chunk_id / kChunksPerPage, &index.cache->hints);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, logging);
  chunk_at(change.page, chunk_id % kChunksPerPage)->next = next;
  pg::finish_change(change);
}

// Makes `chunk_id` the head of the node's chain if the head is still `expected`; else tells what it is now.
Added publish_chunk(const OpenIndex &index, pg::Logging logging, NodeId node, NodeId chunk_id, NodeId *expected) {
  const Buffer buffer = pin_node_page(index, node);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  Added added = Added::not_this_node;
  if (holds_nodes(index, buffer)) {
    const core::SlotHeader &header = *read_slot(index, BufferGetPage(buffer), node).header();
    if (header.state == core::SlotState::live) {
      if (header.overflow == *expected) {
        const pg::PageChange change = pg::begin_change(index.relation, buffer, logging);
        write_slot(index, change.page, node).header()->overflow = chunk_id;
        pg::finish_change(change);
        return Added::yes;
      }
      *expected = header.overflow;
      added = Added::no_room;
    }
  }
  UnlockReleaseBuffer(buffer);
  return added;
}

}  // namespace

void clear_chunk(Page page, uint32 position) {
  RowChunk *chunk = chunk_at(page, position);
  memset(chunk, 0, sizeof *chunk);
  chunk->owner = chunk->next = kNullNode;
  page_info(page)->used_chunks--;
}

void free_chunk(const OpenIndex &index, pg::Logging logging, NodeId chunk_id) {
  const Buffer buffer = pg::read_block(index.relation, chunk_id / kChunksPerPage, &index.cache->hints);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  const pg::PageChange change = pg::begin_change(index.relation, buffer, logging);
  clear_chunk(change.page, chunk_id % kChunksPerPage);
  pg::finish_change(change);
}

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
    } else {
      rows->resize(kept);
      chunk_id = pg::call([&] { return read_chain_head(index, node); });
    }
  }
}

bool add_row(const OpenIndex &index, pg::Logging logging, NodeId node, const core::ScalarCode &code,
             const uint8_t *codes, float error, RowId row) {
  NodeId head = kNullNode;
  const Added in_slot = add_to_slot(index, logging, node, code, codes, error, row, &head);
  if (in_slot != Added::no_room) return in_slot == Added::yes;
  if (head != kNullNode && add_to_chunk(index, logging, node, head, row) == Added::yes) return true;
  RowChunk chunk;
  memset(&chunk, 0, sizeof chunk);
  chunk.owner = node;
  chunk.next = head;
  chunk.rows[0] = row;
  const NodeId chunk_id = store_chunk(index, logging, chunk);
  for (;;) {
    const Added added = publish_chunk(index, logging, node, chunk_id, &head);
    if (added == Added::yes) return true;
    if (added == Added::not_this_node) {
      free_chunk(index, logging, chunk_id);
      return false;
    }
    relink_chunk(index, logging, chunk_id, head);
  }
}

}  // namespace quiver::hnsw
