// The block of memory that a graph is built in: offsets instead of pointers, so that processes can share it.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>

#include "core/metric.hpp"
#include "core/node_format.hpp"
#include "core/shared_work.hpp"
#include "core/spill_buckets.hpp"

namespace quiver::core {

inline constexpr size_t kMaxBuildEntries = 256;
inline constexpr size_t kMaxPivots = 256;
inline constexpr size_t kMaxCells = 64;
inline constexpr size_t kCellOverlap = 6;  // cells that a row falls into

// Rows whose own code equals that of an earlier node.
struct ExtraRow {
  NodeId node;
  RowId row;
};

// What the block begins with. Zero bytes are its start.
struct alignas(kLineBytes) BuildHeader {
  SharedWork work;
  std::atomic<uint64_t> taken;                 // places that were asked for while rows are collected
  std::atomic<uint32_t> largest_squared_norm;  // the bits of a float that is not negative: they order as it does
  // From here on written by the leader between steps.
  uint64_t size;  // rows while they are collected, then nodes
  uint64_t extra_count;
  uint64_t seed_count;
  uint32_t pivot_count;
  NodeId pivots[kMaxPivots];  // in an order in which each is near the one before
  // Of the leaves: rows in the middle of a cell, and where the cells end among all of their rows.
  uint32_t cell_count;
  uint32_t cell_overlap;
  NodeId cell_pivots[kMaxCells];
  uint64_t cell_ends[kMaxCells + 1];
  uint32_t entry_count;
  NodeId entries[kMaxBuildEntries];
  // The nodes whose lists lie in the block: all, or one window after another.
  uint64_t window_first;
  uint64_t window_rows;
  // Where not all lies in the block.
  uint32_t records_in_file;
  BucketsState sorted, cells, near, offers;
};

// What of a build lies in the block. Without `spills`: everything. With it, near lists and lists of a window of nodes,
// and records if there is room; the rest is in files.
struct BuildPlan {
  uint64_t capacity;    // nodes that there is room for, or that a window has
  uint64_t near_width;  // of the near lists; 0: rows are inserted one by one
  bool spills;
  uint64_t record_capacity;  // records in the block: of all nodes, or none
  uint64_t windows;          // about how many
  uint64_t sample_rows;      // inserted for the long edges, at most
  // A participant's own memory.
  uint64_t cached_records;  // a power of two
  uint64_t piece_bytes;     // of rows that are sorted together
  uint64_t cell_rows;       // of a cell that are divided together
};

// Where things lie in a block for so many nodes of a shape.
class BuildLayout {
 public:
  BuildLayout(const NodeShape &shape, const BuildPlan &plan);
  // Everything in the block. With `near_width` > 0, every node has a list of so many near nodes besides.
  BuildLayout(const NodeShape &shape, size_t capacity, size_t near_width = 0)
      : BuildLayout(shape, BuildPlan{capacity, near_width, false, capacity, 1, 0, 0, 0, capacity}) {}

  // The width of near lists for a graph that is to be built with such a beam; 0 where rows must be inserted: distances
  // that are no products, or a beam that asks for more care than the lists' width.
  static size_t near_width_for(const NodeShape &shape, Metric metric, size_t beam);

  // As many nodes as fit `bytes`, at most `wanted`.
  static size_t capacity_for(const NodeShape &shape, size_t wanted, size_t bytes, size_t near_width = 0);

  // Bytes of a node in a window, of one in a sample, and of a record.
  static size_t window_bytes_each(const NodeShape &shape, size_t near_width);
  static size_t sample_bytes_each(const NodeShape &shape);
  static size_t record_bytes_for(const NodeShape &shape);

  const BuildPlan &plan() const { return plan_; }
  size_t capacity() const { return plan_.capacity; }
  size_t record_bytes() const { return record_bytes_; }
  size_t list_capacity() const { return list_capacity_; }
  size_t bytes() const { return bytes_; }

  size_t near_width() const { return plan_.near_width; }

  // Offsets of the arrays. Places, then cells, lie where lists do later.
  size_t records() const { return records_; }  // record_bytes() each: ScalarCode, then the own vector unpacked
  size_t lists() const { return lists_; }      // list_capacity() ids each
  size_t counts() const { return counts_; }    // uint16_t
  size_t lasting() const { return lasting_; }  // uint8_t
  size_t locks() const { return locks_; }      // uint8_t
  size_t rows() const { return rows_; }        // RowId
  size_t extra() const { return extra_; }      // ExtraRow
  size_t near() const { return near_; }        // NearList::bytes(near_width()) each

 private:
  BuildPlan plan_;
  size_t record_bytes_;
  size_t list_capacity_;
  size_t records_, lists_, counts_, lasting_, locks_, rows_, extra_, near_;
  size_t bytes_;
};

// A block for one process.
class PrivateBlock {
 public:
  PrivateBlock(const BuildLayout &layout, std::pmr::memory_resource *memory)
      : memory_(memory), bytes_(layout.bytes()), block_(memory->allocate(bytes_, kLineBytes)) {
    std::memset(block_, 0, sizeof(BuildHeader));
  }
  ~PrivateBlock() { memory_->deallocate(block_, bytes_, kLineBytes); }
  PrivateBlock(const PrivateBlock &) = delete;
  PrivateBlock &operator=(const PrivateBlock &) = delete;
  void *get() const { return block_; }

 private:
  std::pmr::memory_resource *memory_;
  size_t bytes_;
  void *block_;
};

}  // namespace quiver::core
