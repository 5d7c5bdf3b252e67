// The pages of an index of lists on disk: meta page, directory, pages of codes, pages of vectors.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <limits>

#include "pg/pages.hpp"

#include "core/calibration.hpp"
#include "core/list_code.hpp"
#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "types/index_ops.hpp"

namespace quiver::ivfpq {

using core::RowId;
using types::item_pointer;
using types::row_id;

// Order rows by the lanes that hold them, and by their addresses.
inline uint64 lane_key(BlockNumber codes, uint32 lane) { return uint64{codes} << 32 | lane; }
inline uint64 row_key(RowId row) {
  return (uint64{row.block_high} << 32) | (uint64{row.block_low} << 16) | row.position;
}

inline constexpr uint32 kIndexMagic = 0x51495646;  // "QIVF", in every page's tail and first in the meta page
inline constexpr uint16 kFormatVersion = 1;
inline constexpr BlockNumber kMetaBlock = 0;
inline constexpr BlockNumber kDirectoryBlock = 1;  // its first page; the others follow by links

enum class PageKind : uint16 { meta = 1, directory = 2, codes = 3, vectors = 4, free = 5, codebook = 6 };

// How codes are made. Stored in the meta page: never renumber.
enum class Quantizer : uint16 {
  bits = 0,      // levels of each axis
  pq = 1,        // words of a few axes each
  sq8 = 2,       // none: own vectors, which have 8 bits an axis, are read
  verbatim = 3,  // none: own vectors are bits as they are
};

// What the rows that codes find near are measured by.
enum class Rerank : uint16 {
  index = 0,  // own vectors in the index
  heap = 1,   // heap rows: the index keeps no vectors
};

// Of a page of codes: whether it takes rows.
enum class PageState : uint16 {
  open = 0,
  closed = 1,   // its rows are being copied to new lists
  retired = 2,  // the end of a list that others replaced: no page may follow
};

// The 40 bytes after the standard header of every page; with it they fill the first cache line.
struct PageInfo {
  PageKind kind;
  uint16 format_version;
  uint16 used;        // codes: lanes that ever held a row; directory: entries; codebook: values
  uint16 live;        // codes: lanes that hold one
  uint32 list;        // codes: whose page it is
  BlockNumber next;   // codes, directory, codebook: the next page of the chain, InvalidBlockNumber at its end
  BlockNumber owner;  // vectors: the page of codes whose rows they are
  uint32 position;    // codes, codebook: pages before it in the chain
  PageState state;    // codes
  uint16 unused;
  uint32 reserved[3];
};
static_assert(sizeof(PageInfo) == 40);
static_assert(SizeOfPageHeaderData + sizeof(PageInfo) == core::kLineBytes);

inline constexpr Size kContents = core::kLineBytes;
inline constexpr Size kContentBytes = BLCKSZ - kContents - sizeof(pg::PageTail);

// Everything that follows from dimensions and bits. Fixed when the index is built. Rows with codes have their own
// vectors apart, on pages that few are read of, or none: then their heap rows are read. Without codes every own vector
// is read, so they stand where codes would.
struct ListShape {
  core::NodeShape own;   // own vectors, of rows and of centroids
  core::CodeShape code;  // all zero without codes
  uint32 blocks;         // of 32 lanes, on a page of codes; 0 without codes
  uint32 vectors;        // on a page of vectors, 0 where the index keeps none; without codes on a page of codes

  bool has_codes() const { return code.bits != 0; }
  bool has_vectors() const { return vectors != 0; }
  uint32 lanes() const { return has_codes() ? blocks * simd::kBlockLanes : vectors; }
  uint32 pages_for(uint32 rows) const { return has_codes() && has_vectors() ? (rows + vectors - 1) / vectors : 0; }
  uint32 vector_pages() const { return pages_for(lanes()); }
  Size code_bytes() const { return core::code_groups(code) * core::kGroupBytes; }
  Size block_bytes() const { return code_bytes() + 3 * simd::kBlockLanes * sizeof(float); }
  Size blocks_offset() const { return (kContents + vector_pages() * sizeof(BlockNumber) + 15) / 16 * 16; }
  Size rows_offset() const {
    return has_codes() ? blocks_offset() + blocks * block_bytes() : kContents + vectors * vector_bytes();
  }
  Size codes_end() const { return rows_offset() + lanes() * sizeof(RowId); }
  Size vector_bytes() const { return (sizeof(core::ScalarCode) + own.own_bytes() + 3) / 4 * 4; }
  Size entry_bytes() const;
  uint32 entries_per_page() const { return static_cast<uint32>(kContentBytes / entry_bytes()); }
};

// Without codes. `own`: rotated or bits.
ListShape codeless_shape(core::OwnKind own, size_t dimensions);
// With as many blocks as a page has room for: 0 when there is none. `axes`: that the code covers, or parts.
ListShape make_shape(size_t dimensions, unsigned bits, size_t axes, Rerank rerank = Rerank::index);
// The largest number of axes that a page has room for in so many bits.
size_t max_code_axes(unsigned bits);
// REQUIRES: bits in {1, 2, 4}; 1 <= dimensions <= 16,000.
ListShape choose_shape(size_t dimensions, unsigned bits, Rerank rerank);

// Block 0. Fixed when the index is built, but for the counts, the version and the measured probes.
struct MetaPage {
  uint32 magic;
  uint16 format_version;
  core::Metric metric;
  uint32 dimensions;
  uint16 own_bits;
  uint16 code_bits;  // of an axis, or with pq of a part
  uint32 code_axes;  // with pq: parts
  uint16 blocks;
  uint16 vectors;
  uint64 rotation_seed;
  uint32 lists;            // in use
  uint32 wanted_lists;     // the option when the index was built
  uint32 freed;            // changes when vacuum made room in pages of codes that writers may have passed
  uint32 version;          // of the directory: which of its entries count
  uint64 rows;             // when vacuum or the build last counted
  uint32 measured_blocks;  // of the index when its curve was measured
  Quantizer quantizer;
  uint16 unused;
  BlockNumber codebook;  // pq: its first page; the others follow by links
  uint32 reserved[15];
  core::RecallCurve curve;
};
static_assert(offsetof(MetaPage, curve) == 128);
static_assert(offsetof(MetaPage, rotation_seed) % 8 == 0);

// Whether an entry counts follows from the directory's version in the meta page, so that one record lets any number of
// lists begin and end.
enum class EntryState : uint8_t {
  live = 0,
  arriving = 1,  // a list from the entry's version on
  leaving = 2,   // a list until then
  unused = 3,
};

// A place in the directory; its number is the list's. The centroid's packed own vector follows.
struct ListEntry {
  BlockNumber head;  // its first page of codes
  uint32 version;    // with arriving and leaving
  uint64
      retired_at;  // of a list that has left: a transaction id that none who could read it is beyond; 0: not yet known
  uint32 pages;    // of codes, when one was last added
  uint32 settled;  // pages that it had when splitting it was found useless
  EntryState state;
  bool is_sparse;  // vacuum left few of its lanes in use
  uint16 group;    // of centroids near each other
  core::ScalarCode centroid;

  bool counts(uint32 directory_version) const {
    if (state == EntryState::arriving) return version <= directory_version;
    return state == EntryState::live || (state == EntryState::leaving && version > directory_version);
  }
  // Made for a change of the directory that was not completed.
  bool is_pending(uint32 directory_version) const {
    return (state == EntryState::arriving || state == EntryState::leaving) && version > directory_version;
  }
  bool has_left(uint32 directory_version) const { return state == EntryState::leaving && version <= directory_version; }
};
static_assert(sizeof(ListEntry) == 48);

inline Size ListShape::entry_bytes() const { return (sizeof(ListEntry) + own.own_bytes() + 7) / 8 * 8; }

inline PageInfo *page_info(Page page) { return reinterpret_cast<PageInfo *>(PageGetContents(page)); }
inline MetaPage *meta_of(Page page) { return reinterpret_cast<MetaPage *>(page + kContents); }
inline ListEntry *entry_at(Page page, const ListShape &shape, uint32 place) {
  return reinterpret_cast<ListEntry *>(page + kContents + place * shape.entry_bytes());
}
inline uint8_t *centroid_bytes(ListEntry *entry) { return reinterpret_cast<uint8_t *>(entry + 1); }

// A page of codes: which pages hold its vectors, blocks of codes with their factors, heap rows.
inline BlockNumber *vector_blocks(Page page) { return reinterpret_cast<BlockNumber *>(page + kContents); }
inline uint8_t *block_codes(Page page, const ListShape &shape, uint32 block) {
  return reinterpret_cast<uint8_t *>(page + shape.blocks_offset() + block * shape.block_bytes());
}
inline float *block_factors(Page page, const ListShape &shape, uint32 block) {
  return reinterpret_cast<float *>(block_codes(page, shape, block) + shape.code_bytes());
}
inline float *add_factor(Page page, const ListShape &shape, uint32 lane) {
  return block_factors(page, shape, lane / simd::kBlockLanes) + lane % simd::kBlockLanes;
}
inline simd::CodeBlock code_block(Page page, const ListShape &shape, uint32 block) {
  const float *factors = block_factors(page, shape, block);
  return {block_codes(page, shape, block), factors, factors + simd::kBlockLanes, factors + 2 * simd::kBlockLanes};
}
inline RowId *rows_of(Page page, const ListShape &shape) {
  return reinterpret_cast<RowId *>(page + shape.rows_offset());
}

// A vector on a page of vectors, or without codes of codes: its scalar code, then the packed codes.
inline core::ScalarCode *vector_at(Page page, const ListShape &shape, uint32 place) {
  return reinterpret_cast<core::ScalarCode *>(page + kContents + place * shape.vector_bytes());
}
inline uint8_t *vector_codes(core::ScalarCode *vector) { return reinterpret_cast<uint8_t *>(vector + 1); }
// Its codes, unpacked: into `scratch` where they are packed.
inline const uint8_t *unpacked_codes(const ListShape &shape, core::ScalarCode *vector, uint8_t *scratch) {
  if (shape.own.own_bits == 8) return vector_codes(vector);
  shape.own.unpack_own(vector_codes(vector), scratch);
  return scratch;
}
// The page with the vector of a lane; it is place lane % shape.vectors there. `block`: of the page of codes, which it
// is too where there are no pages of vectors.
inline BlockNumber vectors_block(Page codes, BlockNumber block, const ListShape &shape, uint32 lane) {
  return shape.vector_pages() > 0 ? vector_blocks(codes)[lane / shape.vectors] : block;
}
// A lane without a row; with codes infinitely far from everything.
inline void empty_lane(Page page, const ListShape &shape, uint32 lane) {
  rows_of(page, shape)[lane] = RowId{};
  if (shape.has_codes()) *add_factor(page, shape, lane) = std::numeric_limits<float>::infinity();
}

}  // namespace quiver::ivfpq
