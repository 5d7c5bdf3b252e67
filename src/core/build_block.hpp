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
};

// Where things lie in a block for so many nodes of a shape.
class BuildLayout {
 public:
  // With `near_width` > 0, every node has a list of so many near nodes besides.
  BuildLayout(const NodeShape &shape, size_t capacity, size_t near_width = 0);

  // The width of near lists for a graph that is to be built with such a beam; 0 where rows must be inserted: distances
  // that are no products, or a beam that asks for more care than the lists' width.
  static size_t near_width_for(const NodeShape &shape, Metric metric, size_t beam);

  // As many nodes as fit `bytes`, at most `wanted`.
  static size_t capacity_for(const NodeShape &shape, size_t wanted, size_t bytes, size_t near_width = 0);

  size_t capacity() const { return capacity_; }
  size_t record_bytes() const { return record_bytes_; }
  size_t list_capacity() const { return list_capacity_; }
  size_t bytes() const { return bytes_; }

  size_t near_width() const { return near_width_; }

  // Offsets of the arrays. Places, then cells, lie where lists do later.
  size_t records() const { return records_; }  // record_bytes() each: ScalarCode, then the own vector unpacked
  size_t lists() const { return lists_; }      // list_capacity() ids each
  size_t counts() const { return counts_; }    // uint16_t
  size_t chosen() const { return chosen_; }    // uint8_t
  size_t locks() const { return locks_; }      // uint8_t
  size_t rows() const { return rows_; }        // RowId
  size_t extra() const { return extra_; }      // ExtraRow
  size_t near() const { return near_; }        // NearList::bytes(near_width()) each

 private:
  size_t capacity_;
  size_t record_bytes_;
  size_t list_capacity_;
  size_t near_width_;
  size_t records_, lists_, counts_, chosen_, locks_, rows_, extra_, near_;
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
