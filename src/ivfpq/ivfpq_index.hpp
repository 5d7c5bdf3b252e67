// An open index of lists: its meta page, what follows from it, and the directory that a backend keeps.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <memory_resource>
#include <optional>
#include <vector>

#include "core/centroid_codes.hpp"
#include "core/own_query.hpp"
#include "core/product_code.hpp"
#include "core/rotation.hpp"
#include "ivfpq/ivfpq_format.hpp"
#include "pg/memory.hpp"

namespace quiver::ivfpq {

// Counts those who need a backend's copy as it is: the copy itself, and scans that began with it. In memory of its own,
// because either may go first when a transaction ends.
class CacheHold {
 public:
  explicit CacheHold(uint32 *holders) : holders_(holders) { ++*holders_; }
  ~CacheHold() {
    if (--*holders_ == 0) pfree(holders_);
  }
  CacheHold(const CacheHold &) = delete;
  CacheHold &operator=(const CacheHold &) = delete;
  uint32 *holders() const { return holders_; }
  bool is_only() const { return *holders_ == 1; }

 private:
  uint32 *holders_;
};

// What a backend remembers of one index.
struct IndexCache {
  // `holders`: zero, in memory that lives on.
  IndexCache(MemoryContext context, const MetaPage &meta, const ListShape &list_shape, uint32 *holders);

  pg::ContextResource memory;
  CacheHold hold;
  ListShape shape;
  core::Rotation rotation;
  struct List {
    BlockNumber head;
    BlockNumber tail;  // where to look for room first: some page of the chain
    uint32 number;     // its place in the directory
    core::ScalarCode centroid;
  };
  std::pmr::vector<List> lists;             // those in use
  std::pmr::vector<uint8_t> centroids;      // [lists][own.unpacked_bytes()]
  float longest_centroid = 0.0f;            // its length
  core::CentroidCodes centroid_codes;       // of them all, once somebody asked
  std::pmr::vector<BlockNumber> directory;  // its pages
  std::optional<core::ProductBook> book;    // with pq; the index keeps it as it is
  bool is_loaded = false;
  uint32 version = 0;  // of the directory that was copied
  uint32 freed = 0;    // the meta page's when the tails were last set back to the heads
  pg::BufferHints hints{};
};

struct OpenIndex {
  Relation relation;
  MetaPage meta;
  IndexCache *cache;
  const ListShape &shape() const { return cache->shape; }
  const core::ProductBook *book() const { return cache->book ? &*cache->book : nullptr; }
  const uint8_t *centroid_codes(uint32 list) const { return &cache->centroids[list * shape().own.unpacked_bytes()]; }
};

ListShape shape_of(const MetaPage &meta);
// Axes of the rotation: 1 where own vectors are as they are.
size_t rotated_dimensions(const MetaPage &meta);

// Reads the meta page into `meta` and checks it. Raises ERRCODE_INDEX_CORRUPTED, or 55000 for another format version.
void read_meta(Relation index, MetaPage *meta);
// For those who only want an idea: false, and nothing raised, when block 0 is no meta page of this version.
bool peek_meta(Relation index, MetaPage *meta);

// Reads the meta page and finds or makes the cache, with the directory as it is now. Plain data; the cache lives at
// least as long as the transaction, but another open_index may bring it up to date: a CacheHold keeps it as it is.
void open_index(Relation relation, OpenIndex *index);
void register_cache_callback();

// Whether an index of so many lists is searched by short codes of their centroids: from many lists on.
bool has_short_centroids(const ListShape &shape, size_t lists);
// These, made at the first call; null where looking at each centroid is as fast.
const core::CentroidCodes *short_centroids(const OpenIndex &index);

// Raises ERRCODE_INDEX_CORRUPTED unless the vector is of the kind that the meta page tells of.
void check_vector(const OpenIndex &index, const core::VectorView &vector);

// Pins a block. Raises when it lies beyond the end of the index.
Buffer pin_page(const OpenIndex &index, BlockNumber block);
// Asks the processor for bytes of a page that will soon be pinned, where it is believed to be.
inline void expect_page(const OpenIndex &index, BlockNumber block, Size offset, Size bytes) {
  pg::expect_block(index.cache->hints, block, offset, bytes);
}
// Pins a page of the directory, locks it as told and checks it.
Buffer read_directory_page(Relation index, const ListShape &shape, BlockNumber block, int lock);
// Raises unless the locked page is a page of codes of the list with that number, or of that list of the cache.
void check_codes_of(const OpenIndex &index, Buffer buffer, uint32 number);
void check_codes(const OpenIndex &index, Buffer buffer, uint32 list);
// Raises unless the locked page holds vectors of that page of codes, or without codes is that page.
void check_vectors(const OpenIndex &index, Buffer buffer, BlockNumber owner);
// Checks and copies a page of codes of that list of the cache, or a page of vectors: locked for no longer than that.
void copy_codes(const OpenIndex &index, BlockNumber block, uint32 list, PGAlignedBlock *copy);
void copy_vectors(const OpenIndex &index, BlockNumber block, BlockNumber owner, PGAlignedBlock *copy);

void initialize_meta_page(Page page, const MetaPage &meta);
void initialize_directory_page(Page page, const ListShape &shape);
// `list`: its number in the directory.
void initialize_codes_page(Page page, const ListShape &shape, uint32 list);
void initialize_vectors_page(Page page, const ListShape &shape, BlockNumber owner);
void initialize_free_page(Page page);
void initialize_codebook_page(Page page, Size lower);

// A page that nobody needs: what pg::new_page asks.
bool is_free_page(Page page);

}  // namespace quiver::ivfpq
