// Page by page, in order of node.
// SPDX-License-Identifier: PostgreSQL
#include "hnsw/hnsw_write_graph.hpp"

#include <algorithm>

#include "core/node_writer.hpp"
#include "pg/boundary.hpp"

extern "C" {
#include "commands/progress.h"
#include "utils/backend_progress.h"
}

namespace quiver::hnsw {

namespace {

// Nodes get the slots after the meta page in their order; chunks of further rows the pages after those.
class GraphPages {
 public:
  GraphPages(Relation index, const MetaPage &meta, const core::BuildGraph &graph, pg::ContextResource *memory)
      : index_(index), graph_(graph), shape_(shape_of(meta)), writer_(shape_, memory) {
    const size_t pages = (graph.size() + shape_.slots_per_page - 1) / shape_.slots_per_page;
    next_chunk_ = static_cast<uint64>(kMetaBlock + 1 + pages) * kChunksPerPage;
  }

  void write_nodes() {
    const BlockNumber first = kMetaBlock + 1;
    for (size_t id = 0; id < graph_.size(); id += shape_.slots_per_page) {
      pg::call([&, this] { write_page(first + static_cast<BlockNumber>(id / shape_.slots_per_page), id); });
    }
  }

  // Writes the rows that write_nodes left for chunks. Returns the last page of rows.
  BlockNumber write_rows() {
    BlockNumber last = InvalidBlockNumber;
    auto extra = graph_.extra_rows();
    while (!extra.empty()) {
      pg::call([&, this] { last = write_rows_page(&extra); });
    }
    return last;
  }

  NodeId on_pages(NodeId id) const { return id + (kMetaBlock + 1) * shape_.slots_per_page; }

 private:
  using ExtraRows = std::span<const core::BuildGraph::ExtraRow>;

  static ExtraRows rows_of(ExtraRows extra, NodeId node) {
    const auto first = std::lower_bound(extra.begin(), extra.end(), node,
                                        [](const auto &row, NodeId wanted) { return row.node < wanted; });
    auto last = first;
    while (last != extra.end() && last->node == node) ++last;
    return {first, last};
  }

  void write_page(BlockNumber block, size_t first_id) {
    CHECK_FOR_INTERRUPTS();
    const Buffer buffer = pg::extend(index_);
    const Page page = BufferGetPage(buffer);
    if (BufferGetBlockNumber(buffer) != block) elog(ERROR, "the new index was extended by somebody else");
    initialize_nodes_page(page, shape_);
    const size_t count = std::min<size_t>(shape_.slots_per_page, graph_.size() - first_id);
    for (size_t place = 0; place < count; ++place) {
      write_node(core::Slot(shape_, slot_bytes_at(page, shape_, static_cast<uint32>(place))),
                 static_cast<NodeId>(first_id + place));
      page_info(page)->used_slots |= 1u << place;
    }
    MarkBufferDirty(buffer);
    UnlockReleaseBuffer(buffer);
  }

  void write_node(const core::Slot &slot, NodeId id) {
    writer_.write_own(slot, graph_.scalar_code(id), graph_.codes(id), graph_.row(id));
    writer_.aim(graph_.scalar_code(id), graph_.codes(id));
    size_t lane = 0;
    for (const NodeId neighbour : graph_.neighbours(id))
      writer_.write_lane(slot, lane++, on_pages(neighbour), graph_.scalar_code(neighbour), graph_.codes(neighbour));
    slot.header()->lanes_used = static_cast<uint8_t>(lane);
    slot.header()->expendable = static_cast<uint8_t>(graph_.expendable(id));
    const ExtraRows extra = rows_of(graph_.extra_rows(), id);
    if (!extra.empty()) slot.header()->rows[1] = extra[0].row;
    if (extra.size() > 1) {
      slot.header()->overflow = static_cast<NodeId>(next_chunk_);
      next_chunk_ += (extra.size() - 1 + kRowsPerChunk - 1) / kRowsPerChunk;
    }
  }

  // Fills one page with the chunks of the nodes at the front of `extra` and drops what it wrote from there. Chunks were
  // numbered by write_node in this same order, so a chain runs through consecutive chunks.
  BlockNumber write_rows_page(ExtraRows *extra) {
    CHECK_FOR_INTERRUPTS();
    skip_rows_in_slots(extra);
    if (extra->empty()) return last_rows_block_;
    const Buffer buffer = pg::extend(index_);
    const Page page = BufferGetPage(buffer);
    const BlockNumber block = BufferGetBlockNumber(buffer);
    initialize_rows_page(page);
    for (uint32 place = 0; place < kChunksPerPage && !extra->empty(); ++place) {
      RowChunk *chunk = chunk_at(page, place);
      chunk->owner = on_pages(extra->front().node);
      const NodeId node = extra->front().node;
      uint32 count = 0;
      for (; count < kRowsPerChunk && !extra->empty() && extra->front().node == node; *extra = extra->subspan(1))
        chunk->rows[count++] = extra->front().row;
      in_chain_ = !extra->empty() && extra->front().node == node;
      if (in_chain_) chunk->next = block * kChunksPerPage + place + 1;
      page_info(page)->used_chunks++;
      skip_rows_in_slots(extra);
    }
    MarkBufferDirty(buffer);
    UnlockReleaseBuffer(buffer);
    last_rows_block_ = block;
    return block;
  }

  // The first further row of each node lies in its slot.
  void skip_rows_in_slots(ExtraRows *extra) {
    while (!in_chain_ && !extra->empty()) {
      in_chain_ = extra->size() > 1 && (*extra)[1].node == extra->front().node;
      *extra = extra->subspan(1);
    }
  }

  Relation index_;
  const core::BuildGraph &graph_;
  core::NodeShape shape_;
  core::NodeWriter writer_;
  uint64 next_chunk_;
  bool in_chain_ = false;
  BlockNumber last_rows_block_ = InvalidBlockNumber;
};

void write_meta(Relation index, const MetaPage &meta) {
  const Buffer buffer = ReadBuffer(index, kMetaBlock);
  LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
  memcpy(meta_of(BufferGetPage(buffer)), &meta, sizeof meta);
  MarkBufferDirty(buffer);
  UnlockReleaseBuffer(buffer);
}

}  // namespace

void write_graph(Relation index, MetaPage *meta, const core::BuildGraph &graph) {
  const uint64 pages =
      (graph.size() + meta->slots_per_page - 1) / meta->slots_per_page + graph.extra_rows().size() / kRowsPerChunk;
  if (pages >= Min(max_blocks(shape_of(*meta)), kMaxRowsBlocks))
    ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                    errmsg("hnsw index \"%s\" cannot have more nodes", RelationGetRelationName(index))));
  pg::ContextResource memory(CurrentMemoryContext);
  GraphPages writer(index, *meta, graph, &memory);
  writer.write_nodes();
  meta->rows_block = writer.write_rows();
  meta->nodes = graph.size();
  meta->entry_count = static_cast<uint32>(graph.entries().size());
  for (uint32 i = 0; i < meta->entry_count; ++i) meta->entries[i] = writer.on_pages(graph.entries()[i]);
  meta->entries_version++;
  pg::call([=] { write_meta(index, *meta); });
}

}  // namespace quiver::hnsw
