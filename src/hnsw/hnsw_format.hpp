// The pages of an hnsw index on disk: meta page, node pages, pages of further rows.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include "pg/pages.hpp"

#include "core/calibration.hpp"
#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "types/index_ops.hpp"

namespace quiver::hnsw {

using core::kNullNode;
using core::NodeId;
using core::RowId;
using types::item_pointer;
using types::row_id;

inline constexpr uint32 kIndexMagic = 0x51484E57;  // "QHNW", in every page's tail and first in the meta page
inline constexpr uint16 kFormatVersion = 1;
inline constexpr BlockNumber kMetaBlock = 0;
inline constexpr uint32 kMaxEntries = 256;

enum class PageKind : uint16 { meta = 1, nodes = 2, rows = 3 };

// The 40 bytes after the standard header of every page; with it they fill the first cache line.
struct PageInfo {
  PageKind kind;
  uint16 format_version;
  uint16 slots;         // nodes page: slots per page, as in the meta page
  uint16 used_chunks;   // rows page: chunks with an owner
  uint32 used_slots;    // nodes page: bit per slot that is not free
  uint32 tombstones;    // nodes page: bit per slot that is a tombstone or unlinked
  uint64 newest_stamp;  // nodes page: full transaction id of the newest tombstone, 0 when there is none
  uint32 reserved[4];
};
static_assert(sizeof(PageInfo) == 40);
static_assert(SizeOfPageHeaderData + sizeof(PageInfo) == core::kLineBytes);

inline constexpr Size kSlotsStart = core::kLineBytes;
static_assert(kSlotsStart + core::kSlotLines * core::kLineBytes <= BLCKSZ - sizeof(pg::PageTail));

// Block 0. Everything but the counts, which are derived, the entries and the curve is fixed when the index is built.
struct MetaPage {
  uint32 magic;
  uint16 format_version;
  core::Metric metric;
  uint32 dimensions;
  uint16 m;
  uint16 ef_construction;
  uint16 own_bits;
  uint16 code_bits;
  uint32 code_axes;
  uint16 lanes;
  uint16 slots_per_page;
  uint32 slot_bytes;
  uint64 rotation_seed;
  uint64 nodes;            // live nodes when vacuum or the build last counted
  uint64 tombstones;       // likewise
  uint32 entries_version;  // changes with the entries; backends keep copies of their vectors
  uint32 entry_count;
  uint32 rows_block;  // the page of further rows that was last extended, InvalidBlockNumber when there is none
  core::OwnKind own;
  uint16 fine_bits;
  uint32 capacity;    // of sparse own vectors
  uint32 one_length;  // 1: under inner product, of vectors that were all of one length when it was built
  uint32 reserved[12];
  NodeId entries[kMaxEntries];
  core::RecallCurve curve;  // as build or vacuum last measured it
};
static_assert(offsetof(MetaPage, rotation_seed) % 8 == 0);
static_assert(sizeof(MetaPage) == 128 + 4 * kMaxEntries + sizeof(core::RecallCurve));

// Rows of a node beyond its slot's two, newest chunk first. Entries never move: vacuum and CREATE INDEX CONCURRENTLY
// rely on meeting each in one pass over the pages.
inline constexpr uint32 kRowsPerChunk = 8;
struct RowChunk {
  NodeId owner;  // kNullNode when free; a reader that finds another owner starts again at the node
  uint32 next;   // chunk id, kNullNode at the end
  uint32 unused;
  RowId rows[kRowsPerChunk];
  uint32 unused2;
};
static_assert(sizeof(RowChunk) == core::kLineBytes);
// The owner of a chunk that no chain has yet, and that nobody but its maker writes to. No node has this id.
inline constexpr NodeId kUnchained = kNullNode - 1;
inline constexpr uint32 kChunksPerPage = core::kSlotLines;  // chunk id = block * kChunksPerPage + position

inline constexpr BlockNumber kMaxRowsBlocks = (kNullNode - 1) / kChunksPerPage;  // chunk ids fit 32 bits

// A tombstone has no rows; its stamp lies in their bytes.
inline uint64 stamp_of(const core::SlotHeader &header) {
  uint64 stamp;
  memcpy(&stamp, header.rows, sizeof stamp);
  return stamp;
}
inline void set_stamp(core::SlotHeader *header, uint64 stamp) {
  memset(header->rows, 0, sizeof header->rows);
  memcpy(header->rows, &stamp, sizeof stamp);
}
static_assert(sizeof(core::SlotHeader::rows) >= sizeof(uint64));

inline PageInfo *page_info(Page page) { return reinterpret_cast<PageInfo *>(PageGetContents(page)); }
inline MetaPage *meta_of(Page page) { return reinterpret_cast<MetaPage *>(page + kSlotsStart); }
inline RowChunk *chunk_at(Page page, uint32 position) {
  return reinterpret_cast<RowChunk *>(page + kSlotsStart) + position;
}
inline char *slot_bytes_at(Page page, const core::NodeShape &shape, uint32 slot) {
  return page + kSlotsStart + static_cast<Size>(slot) * shape.slot_bytes;
}

inline BlockNumber block_of(NodeId id, const core::NodeShape &shape) { return id / shape.slots_per_page; }
inline uint32 slot_of(NodeId id, const core::NodeShape &shape) { return id % shape.slots_per_page; }
inline NodeId node_id(BlockNumber block, uint32 slot, const core::NodeShape &shape) {
  return block * shape.slots_per_page + slot;
}
// Blocks whose node ids fit 32 bits, the null id excluded.
inline BlockNumber max_blocks(const core::NodeShape &shape) { return (kNullNode - 1) / shape.slots_per_page; }

}  // namespace quiver::hnsw
