// Division into leaves, and all pairs of a leaf.
// SPDX-License-Identifier: PostgreSQL
#include "core/leaf_search.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "simd/dispatch.hpp"

namespace quiver::core {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr size_t kMostLeafRows = 1000;
constexpr size_t kLeastLeafRows = 100;
constexpr size_t kLeafValues = size_t{2} << 20;  // of long vectors a leaf has fewer
constexpr size_t kRowsPerPoll = 16384;           // sorted into cells

}  // namespace

LeafSearch::LeafSearch(LeafRows &rows, size_t dimensions, std::pmr::memory_resource *memory)
    : rows_(rows),
      dimensions_(dimensions),
      memory_(memory),
      kernels_(simd::kernels()),
      values_(memory),
      squared_norms_(memory),
      products_(memory),
      bounds_(memory),
      counts_(memory),
      kept_distances_(memory),
      kept_rows_(memory),
      near_(memory) {}

size_t LeafSearch::leaf_rows(size_t dimensions) {
  return std::clamp(kLeafValues / std::max<size_t>(dimensions, 1), kLeastLeafRows, kMostLeafRows);
}

size_t LeafSearch::bytes(size_t dimensions) {
  const size_t rows = leaf_rows(dimensions);
  const size_t leaf =
      rows * (dimensions + 2 * kBlockRows) * sizeof(float) + rows * (kGathered * sizeof(NearNode) + sizeof(uint32_t));
  return leaf + (kMostPivots + kBlockRows) * dimensions * sizeof(float);
}

// Twice as many cells as full leaves would need: cells are uneven.
size_t LeafSearch::pivots_for(size_t rows, size_t dimensions, size_t overlap) {
  const size_t leaf = leaf_rows(dimensions);
  return rows <= leaf ? 1 : std::clamp<size_t>(2 * rows * overlap / leaf, 2, kMostPivots);
}

void LeafSearch::decode(NodeId id, float *values) const {
  const ScalarCode &code = rows_.scalar_code(id);
  kernels_.decode_u8(rows_.codes(id), dimensions_, code.minimum, code.step, values);
}

void LeafSearch::decode_pivots(std::span<const NodeId> ids, Pivots *pivots) const {
  pivots->values.resize(ids.size() * dimensions_);
  pivots->squared_norms.clear();
  for (size_t i = 0; i < ids.size(); ++i) {
    decode(ids[i], &pivots->values[i * dimensions_]);
    pivots->squared_norms.push_back(rows_.scalar_code(ids[i]).squared_norm);
  }
}

void LeafSearch::assign(std::span<const NodeId> ids, const Pivots &pivots, size_t overlap, uint16_t *cells,
                        Interrupt &interrupt) {
  const size_t count = pivots.count();
  values_.resize(kBlockRows * dimensions_);
  products_.resize(kBlockRows * count);
  for (size_t first = 0; first < ids.size(); first += kBlockRows) {
    interrupt.poll();
    const size_t rows = std::min(kBlockRows, ids.size() - first);
    for (size_t i = 0; i < rows; ++i) decode(ids[first + i], &values_[i * dimensions_]);
    kernels_.inner_products(values_.data(), rows, pivots.values.data(), count, dimensions_, products_.data());
    for (size_t i = 0; i < rows; ++i) {
      float *distances = &products_[i * count];
      for (size_t j = 0; j < count; ++j) distances[j] = pivots.squared_norms[j] - 2.0f * distances[j];
      for (size_t k = 0; k < overlap; ++k) {
        const auto nearest = static_cast<size_t>(std::min_element(distances, distances + count) - distances);
        distances[nearest] = kInfinity;
        *cells++ = static_cast<uint16_t>(nearest);
      }
    }
  }
}

void LeafSearch::divide(std::span<NodeId> ids, size_t overlap, Interrupt &interrupt) {
  if (ids.size() <= leaf_rows(dimensions_)) return compare_all(ids, interrupt);
  const size_t count = pivots_for(ids.size(), dimensions_, overlap);
  for (size_t i = 0; i < count; ++i) std::swap(ids[i], ids[i + random_.below(ids.size() - i)]);
  const size_t each = std::clamp<size_t>(count / 2, 1, overlap);
  std::pmr::vector<uint32_t> ends(count + 1, 0, memory_);
  std::pmr::vector<NodeId> members(ids.size() * each, memory_);
  {
    Pivots pivots(memory_);
    decode_pivots(ids.first(count), &pivots);
    std::pmr::vector<uint16_t> nearest(ids.size() * each, memory_);
    assign(ids, pivots, each, nearest.data(), interrupt);
    for (size_t i = 0; i < nearest.size(); ++i) {
      if (i % kRowsPerPoll == 0) interrupt.poll();
      ++ends[nearest[i] + 1u];
    }
    std::partial_sum(ends.begin(), ends.end(), ends.begin());
    for (size_t i = 0; i < nearest.size(); ++i) {
      if (i % kRowsPerPoll == 0) interrupt.poll();
      members[ends[nearest[i]]++] = ids[i / each];
    }
  }
  for (size_t cell = 0, first = 0; cell < count; first = ends[cell++]) {
    const std::span<NodeId> all(members.data() + first, ends[cell] - first);
    search_cell(all, all.size() <= ids.size() / 10 * 9, interrupt);
  }
}

// A cell that took nearly everything would not get smaller by further pivots: its rows are all alike, and go into
// leaves in the order they have.
void LeafSearch::search_cell(std::span<NodeId> cell, bool is_smaller, Interrupt &interrupt) {
  if (is_smaller) return divide(cell, 1, interrupt);
  const size_t leaf = leaf_rows(dimensions_);
  for (size_t first = 0; first < cell.size(); first += leaf)
    compare_all(cell.subspan(first, std::min(leaf, cell.size() - first)), interrupt);
}

void LeafSearch::compare_all(std::span<const NodeId> ids, Interrupt &interrupt) {
  const size_t rows = ids.size();
  if (rows < 2) return;
  values_.resize(rows * dimensions_);
  products_.resize(kBlockRows * rows);
  squared_norms_.resize(rows);
  bounds_.resize(rows);
  kept_distances_.resize(rows * kGathered);
  kept_rows_.resize(rows * kGathered);
  near_.resize(rows);
  counts_.assign(rows, 0);
  for (size_t i = 0; i < rows; ++i) {
    decode(ids[i], &values_[i * dimensions_]);
    squared_norms_[i] = rows_.scalar_code(ids[i]).squared_norm;
    bounds_[i] = rows_.bound(ids[i]);
  }
  // Each pair once: a block of rows with itself and all that follow.
  for (size_t first = 0; first < rows; first += kBlockRows) {
    interrupt.poll();
    const float *block = &values_[first * dimensions_];
    const size_t count = std::min(kBlockRows, rows - first), columns = rows - first;
    kernels_.inner_products(block, count, block, columns, dimensions_, products_.data());
    for (size_t i = 0; i < count; ++i) compare_row(i, first, &products_[i * columns], columns);
  }
  hand_over(ids);
}

// Row `first + row` with those after it.
void LeafSearch::compare_row(size_t row, size_t first, float *products, size_t columns) {
  const size_t own = first + row, next = own + 1;
  float *distances = products + row + 1;
  const size_t near = kernels_.find_near(distances, squared_norms_.data() + next, squared_norms_[own],
                                         bounds_.data() + next, bounds_[own], columns - row - 1, near_.data());
  for (size_t i = 0; i < near; ++i) {
    const size_t other = next + near_[i];
    const float distance = distances[near_[i]];
    if (distance < bounds_[own]) keep(own, other, distance);
    if (distance < bounds_[other]) keep(other, own, distance);
  }
}

void LeafSearch::keep(size_t row, size_t other, float distance) {
  const size_t place = row * kGathered + counts_[row];
  kept_distances_[place] = distance;
  kept_rows_[place] = static_cast<uint32_t>(other);
  if (++counts_[row] == kGathered) drop_farthest(row);
}

void LeafSearch::drop_farthest(size_t row) {
  float *distances = &kept_distances_[row * kGathered];
  std::fill(distances + counts_[row], distances + kGathered, std::numeric_limits<float>::max());
  kernels_.keep_least(distances, &kept_rows_[row * kGathered], kGathered, kKeptOfLeaf);
  counts_[row] = kKeptOfLeaf;
  bounds_[row] = std::min(bounds_[row], *std::max_element(distances, distances + kKeptOfLeaf));
}

void LeafSearch::hand_over(std::span<const NodeId> ids) {
  NearNode nodes[kKeptOfLeaf];
  for (size_t i = 0; i < ids.size(); ++i) {
    if (counts_[i] > kKeptOfLeaf) drop_farthest(i);
    const float *distances = &kept_distances_[i * kGathered];
    const uint32_t *rows = &kept_rows_[i * kGathered];
    for (size_t k = 0; k < counts_[i]; ++k) nodes[k] = {std::max(0.0f, distances[k]), ids[rows[k]]};
    rows_.offer(ids[i], nodes, counts_[i]);
  }
}

}  // namespace quiver::core
