// An open index of lists: its meta page, what follows from it, and the directory that a backend keeps.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <vector>

#include "core/own_query.hpp"
#include "core/rotation.hpp"
#include "ivfpq/ivfpq_format.hpp"
#include "pg/memory.hpp"

namespace quiver::ivfpq {

// What a backend remembers of one index.
struct IndexCache {
  IndexCache(MemoryContext context, const MetaPage &meta, const ListShape &list_shape);

  pg::ContextResource memory;
  ListShape shape;
  core::Rotation rotation;
  struct List {
    BlockNumber head;
    BlockNumber tail;  // where to look for room first: some page of the chain
    core::ScalarCode centroid;
  };
  std::pmr::vector<List> lists;
  std::pmr::vector<uint8_t> centroids;  // [lists][dimensions], unpacked
  uint32 freed = 0;                     // the meta page's when the tails were last set back to the heads
  pg::BufferHints hints{};
};

struct OpenIndex {
  Relation relation;
  MetaPage meta;
  IndexCache *cache;
  const ListShape &shape() const { return cache->shape; }
  const uint8_t *centroid_codes(uint32 list) const { return &cache->centroids[Size{list} * meta.dimensions]; }
};

ListShape shape_of(const MetaPage &meta);

// Reads the meta page into `meta` and checks it. Raises ERRCODE_INDEX_CORRUPTED, or 55000 for another format version.
void read_meta(Relation index, MetaPage *meta);
// For those who only want an idea: false, and nothing raised, when block 0 is no meta page of this version.
bool peek_meta(Relation index, MetaPage *meta);

// Reads the meta page and finds or makes the cache, with the whole directory. Plain data; the cache lives at least as
// long as the transaction.
void open_index(Relation relation, OpenIndex *index);
void register_cache_callback();

// Raises ERRCODE_INDEX_CORRUPTED unless vectors are dense and have the meta page's dimensions.
void check_vector(const OpenIndex &index, const core::VectorView &vector);

// Pins a block. Raises when it lies beyond the end of the index.
Buffer pin_page(const OpenIndex &index, BlockNumber block);
// Raises unless the locked page is a page of codes of that list.
void check_codes(const OpenIndex &index, Buffer buffer, uint32 list);
// Raises unless the locked page holds vectors of that page of codes.
void check_vectors(const OpenIndex &index, Buffer buffer, BlockNumber owner);

void initialize_meta_page(Page page, const MetaPage &meta);
void initialize_directory_page(Page page, const ListShape &shape);
void initialize_codes_page(Page page, const ListShape &shape, uint32 list);
void initialize_vectors_page(Page page, const ListShape &shape, BlockNumber owner);

}  // namespace quiver::ivfpq
