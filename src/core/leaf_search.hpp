// Near neighbours without a graph: rows fall into overlapping leaves, and within a leaf all are compared with all.
// SPDX-License-Identifier: PostgreSQL
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>
#include <vector>

#include "core/interrupt.hpp"
#include "core/near_lists.hpp"
#include "core/random.hpp"
#include "core/scalar_code.hpp"
#include "simd/kernels.hpp"

namespace quiver::core {

// The leader's choice of the first cells: decoded rows, and the square of their lengths.
struct Pivots {
  explicit Pivots(std::pmr::memory_resource *memory) : values(memory), squared_norms(memory) {}
  std::pmr::vector<float> values;
  std::pmr::vector<float> squared_norms;
  size_t count() const { return squared_norms.size(); }
};

// The rows that leaves are made of, and where what is found goes.
class LeafRows {
 public:
  virtual ~LeafRows() = default;
  virtual const ScalarCode &scalar_code(NodeId id) const = 0;
  virtual const uint8_t *codes(NodeId id) const = 0;
  // The distance from which on a node is of no use to `id`.
  virtual float bound(NodeId id) const = 0;
  virtual void offer(NodeId id, const NearNode *nodes, size_t count) = 0;
};

// One participant's work space. Partition by random pivots, each row into its nearest few cells, until cells are
// leaves; distances by products of matrices. After HCNNG, Munoz et al. 2019.
class LeafSearch {
 public:
  // Cells that a row falls into when a cell of the first division is divided; below, one.
  static constexpr size_t kSecondOverlap = 2;
  static constexpr size_t kMostPivots = 64;
  // What a leaf keeps of each row, at most.
  static constexpr size_t kKeptOfLeaf = 24;
  // Memory for a row of a cell while the cell is divided, its own id included.
  static constexpr size_t kBytesPerRow = 24;

  LeafSearch(LeafRows &rows, size_t dimensions, std::pmr::memory_resource *memory);

  // Rows of a leaf at most, and the memory that a participant needs beside the rows' ids.
  static size_t leaf_rows(size_t dimensions);
  static size_t bytes(size_t dimensions);

  static size_t pivots_for(size_t rows, size_t dimensions, size_t overlap);
  void decode_pivots(std::span<const NodeId> ids, Pivots *pivots) const;
  // The nearest `overlap` pivots of each row of `ids`: cells[i * overlap + k].
  void assign(std::span<const NodeId> ids, const Pivots &pivots, size_t overlap, uint16_t *cells, Interrupt &interrupt);

  // Compares the rows of a cell of the first division. `ids` is reordered.
  void search(std::span<NodeId> ids, Interrupt &interrupt) { divide(ids, kSecondOverlap, interrupt); }

 private:
  static constexpr size_t kBlockRows = 64;  // rows multiplied at a time
  // What is gathered of each row before all but the nearest are dropped: as LeastItems does, but of all rows in one
  // array, beside the bounds that whole groups of rows are compared with.
  static constexpr size_t kGathered = 2 * kKeptOfLeaf;
  static_assert(kGathered <= simd::kMostItems && kGathered % 16 == 0);

  void divide(std::span<NodeId> ids, size_t overlap, Interrupt &interrupt);
  void search_cell(std::span<NodeId> cell, bool is_smaller, Interrupt &interrupt);
  void compare_all(std::span<const NodeId> ids, Interrupt &interrupt);
  void compare_row(size_t row, size_t first, float *products, size_t columns);
  void keep(size_t row, size_t other, float distance);
  void drop_farthest(size_t row);
  void hand_over(std::span<const NodeId> ids);
  void decode(NodeId id, float *values) const;

  LeafRows &rows_;
  size_t dimensions_;
  std::pmr::memory_resource *memory_;
  const simd::Kernels &kernels_;
  Random random_{0x6c656166u};
  std::pmr::vector<float> values_, squared_norms_, products_;
  // Of each row of the leaf: the bound, how many were gathered, and those.
  std::pmr::vector<float> bounds_;
  std::pmr::vector<uint16_t> counts_;
  std::pmr::vector<float> kept_distances_;
  std::pmr::vector<uint32_t> kept_rows_;
  std::pmr::vector<uint32_t> near_;  // of the rows that one is compared with
};

}  // namespace quiver::core
