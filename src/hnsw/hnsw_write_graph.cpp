// Page by page, in order of node.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_write_graph.hpp"

#include "pg/boundary.hpp"
#include "pg/test_points.hpp"

extern "C" {
#include "miscadmin.h"
}

namespace quiver::hnsw {

GraphPages::GraphPages(Relation index, const MetaPage &meta, const core::BuildGraph &graph, pg::ContextResource *memory)
    : index_(index),
      graph_(graph),
      shape_(shape_of(meta)),
      writer_(shape_, memory),
      pages_((graph.size() + shape_.slots_per_page - 1) / shape_.slots_per_page) {
  pg::call([this] {
    if (pages_ + graph_.extra_count() / kRowsPerChunk >= Min(max_blocks(shape_), kMaxRowsBlocks))
      ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                      errmsg("hnsw index \"%s\" cannot have more nodes", RelationGetRelationName(index_))));
  });
}

void GraphPages::extend() {
  pg::call([this] {
    for (size_t i = 0; i < pages_; ++i) {
      CHECK_FOR_INTERRUPTS();
      const Buffer buffer = pg::extend(index_);
      if (BufferGetBlockNumber(buffer) != kMetaBlock + 1 + i)
        elog(ERROR, "the new index was extended by somebody else");
      UnlockReleaseBuffer(buffer);
      pg::test_point("build_page_extended");
    }
  });
}

void GraphPages::write_nodes(size_t first, size_t last) {
  for (size_t number = first; number < last; ++number) pg::call([=, this] { write_page(number); });
}

// The place of a node's further rows among all, or of those after it.
size_t GraphPages::first_extra_of(NodeId node) const {
  size_t first = 0, end = graph_.extra_count();
  while (first < end) {
    const size_t middle = first + (end - first) / 2;
    if (extra_node(middle) < node)
      first = middle + 1;
    else
      end = middle;
  }
  return first;
}

void GraphPages::write_page(size_t number) {
  CHECK_FOR_INTERRUPTS();
  pg::test_point("build_page_to_write");
  const auto block = static_cast<BlockNumber>(kMetaBlock + 1 + number);
  const Buffer buffer = ReadBufferExtended(index_, MAIN_FORKNUM, block, RBM_ZERO_AND_LOCK, nullptr);
  const Page page = BufferGetPage(buffer);
  initialize_nodes_page(page, shape_);
  const size_t first_id = number * shape_.slots_per_page;
  const size_t count = std::min<size_t>(shape_.slots_per_page, graph_.size() - first_id);
  for (size_t place = 0; place < count; ++place) {
    write_node(core::Slot(shape_, slot_bytes_at(page, shape_, static_cast<uint32>(place))),
               static_cast<NodeId>(first_id + place));
    page_info(page)->used_slots |= 1u << place;
  }
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
}

void GraphPages::write_node(const core::Slot &slot, NodeId id) {
  writer_.write_own(slot, graph_.scalar_code(id), graph_.codes(id), graph_.row(id));
  writer_.aim(graph_.scalar_code(id), graph_.codes(id));
  size_t lane = 0;
  for (const NodeId neighbour : graph_.neighbours(id))
    writer_.write_lane(slot, lane++, on_pages(neighbour), graph_.scalar_code(neighbour), graph_.codes(neighbour));
  slot.header()->lanes_used = static_cast<uint8_t>(lane);
  slot.header()->expendable = static_cast<uint8_t>(graph_.expendable(id));
  const size_t extra = first_extra_of(id);
  if (extra < graph_.extra_count() && extra_node(extra) == id) slot.header()->rows[1] = graph_.extra_row(extra).row;
}

// Writes the rows that write_nodes left for chunks. Returns the last page of rows.
BlockNumber GraphPages::write_rows() {
  BlockNumber last = InvalidBlockNumber;
  while (extra_ < graph_.extra_count()) {
    pg::call([&, this] { last = write_rows_page(); });
  }
  return last;
}

// Fills one page with the chunks of the next nodes. A chain runs through consecutive chunks.
BlockNumber GraphPages::write_rows_page() {
  CHECK_FOR_INTERRUPTS();
  const size_t count_of_all = graph_.extra_count();
  skip_rows_in_slots();
  if (extra_ == count_of_all) return last_rows_block_;
  const Buffer buffer = pg::extend(index_);
  const Page page = BufferGetPage(buffer);
  const BlockNumber block = BufferGetBlockNumber(buffer);
  initialize_rows_page(page);
  for (uint32 place = 0; place < kChunksPerPage && extra_ < count_of_all; ++place) {
    RowChunk *chunk = chunk_at(page, place);
    const NodeId node = extra_node(extra_);
    if (is_first_) begin_chain(node, block * kChunksPerPage + place);
    is_first_ = false;
    chunk->owner = on_pages(node);
    uint32 count = 0;
    for (; count < kRowsPerChunk && extra_ < count_of_all && extra_node(extra_) == node; ++extra_)
      chunk->rows[count++] = graph_.extra_row(extra_).row;
    in_chain_ = extra_ < count_of_all && extra_node(extra_) == node;
    if (in_chain_) chunk->next = block * kChunksPerPage + place + 1;
    page_info(page)->used_chunks++;
    skip_rows_in_slots();
  }
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
  pg::test_point("build_rows_page_written");
  last_rows_block_ = block;
  return block;
}

// The first further row of each node lies in its slot.
void GraphPages::skip_rows_in_slots() {
  const size_t count = graph_.extra_count();
  while (!in_chain_ && extra_ < count) {
    in_chain_ = is_first_ = extra_ + 1 < count && extra_node(extra_ + 1) == extra_node(extra_);
    ++extra_;
  }
}

// Nobody else knows the index yet: the page of rows may stay locked.
void GraphPages::begin_chain(NodeId node, uint32 chunk) {
  const NodeId id = on_pages(node);
  const Buffer buffer = ReadBuffer(index_, block_of(id, shape_));
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  core::Slot(shape_, slot_bytes_at(BufferGetPage(buffer), shape_, slot_of(id, shape_))).header()->overflow = chunk;
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
}

void GraphPages::write_rest(MetaPage *meta) {
  meta->rows_block = write_rows();
  meta->nodes = graph_.size();
  meta->entry_count = static_cast<uint32>(graph_.entries().size());
  for (uint32 i = 0; i < meta->entry_count; ++i) meta->entries[i] = on_pages(graph_.entries()[i]);
  meta->entries_version++;
  pg::call([=, this] {
    const Buffer buffer = ReadBuffer(index_, kMetaBlock);
    LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
    memcpy(meta_of(BufferGetPage(buffer)), meta, sizeof *meta);
    MarkBufferDirty(buffer);
    UnlockReleaseBuffer(buffer);
  });
}

}  // namespace quiver::hnsw
