// An open hnsw index: its meta page, what follows from it, and the copies a backend keeps between calls.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/node_query.hpp"
#include "hnsw/hnsw_format.hpp"
#include "pg/memory.hpp"

namespace quiver::hnsw {

// What a backend remembers of one index. Found again by open_index; dropped when the relation is invalidated or its
// file changes, but never before the transaction that uses it ends.
struct IndexCache {
  IndexCache(MemoryContext context, const MetaPage &meta, const core::NodeShape &shape);

  pg::ContextResource memory;
  core::NodeShape shape;
  core::Metric metric;
  core::Rotation rotation;
  uint32 entries_version = 0;
  bool entries_loaded = false;
  // The entries' own vectors, so that a search starts without reading their pages.
  struct Entry {
    NodeId id;
    core::ScalarCode code;
  };
  std::pmr::vector<Entry> entries;
  std::pmr::vector<uint8_t> entry_codes;  // [entries][shape.unpacked_bytes()]
  pg::BufferHints hints{};
};

// The shape that a meta page records.
core::NodeShape shape_of(const MetaPage &meta);
// The metric by which a build chooses edges and a search its width: L2 where vectors of one length are ordered by inner
// product, because the order is the same and distances have a zero.
core::Metric ordering_metric(const MetaPage &meta);

// Reads the meta page into `meta` and checks it. Raises ERRCODE_INDEX_CORRUPTED, or 55000 for another format version.
void read_meta(Relation index, MetaPage *meta);

// The same for those who only want an idea: false, and nothing raised, when block 0 is no meta page of this version.
bool peek_meta(Relation index, MetaPage *meta);

// How far beyond the k-th distance a search looks under the present settings.
float search_gamma(const MetaPage &meta);

struct OpenIndex {
  Relation relation;
  MetaPage meta;
  IndexCache *cache;
  const core::NodeShape &shape() const { return cache->shape; }
};

// Reads the meta page and finds or makes the cache. With `load_entries` its copies of the entries are brought up to
// date. Plain data; the cache lives at least as long as the transaction.
void open_index(Relation relation, bool load_entries, OpenIndex *index);

// Raises ERRCODE_INDEX_CORRUPTED when the meta page was made for vectors of another kind than the column's. `own` is
// read as what the vector is, so this comes before any use of either.
void check_kind(const OpenIndex &index, const core::VectorView &vector);

// Called once, when the library is loaded: keeps the caches honest.
void register_cache_callback();

// Pins the page of a node. Raises when `id` lies beyond the end of the index.
Buffer pin_node_page(const OpenIndex &index, NodeId id);

// Pins a page of further rows that a link names. Raises when it lies beyond the end of the index.
Buffer pin_rows_page(const OpenIndex &index, BlockNumber block);

// Whether the page holds nodes: false for a page of zeros and for one of further rows. Looks at the first cache line
// only, because searches ask it for every visit. Raises for impossible headers. REQUIRES: the buffer locked.
bool holds_nodes(const OpenIndex &index, Buffer buffer);

// The slot of a node on a locked page.
inline core::ConstSlot read_slot(const OpenIndex &index, Page page, NodeId id) {
  return {index.shape(), slot_bytes_at(page, index.shape(), slot_of(id, index.shape()))};
}
inline core::Slot write_slot(const OpenIndex &index, Page page, NodeId id) {
  return {index.shape(), slot_bytes_at(page, index.shape(), slot_of(id, index.shape()))};
}

// Raises ERRCODE_INDEX_CORRUPTED unless the slot's header makes sense. REQUIRES: its buffer locked.
void check_slot(const OpenIndex &index, Buffer buffer, const core::ConstSlot &slot);

// Lays out an empty page of this kind.
void initialize_nodes_page(Page page, const core::NodeShape &shape);
void initialize_rows_page(Page page);
void initialize_meta_page(Page page, const MetaPage &meta);

}  // namespace quiver::hnsw
