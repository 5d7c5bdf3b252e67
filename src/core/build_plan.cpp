// Shares of the memory.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_plan.hpp"

#include <algorithm>
#include <bit>

#include "core/leaf_search.hpp"

namespace quiver::core {

namespace {

// What a plan works with, however little it is given: a sixteenth of what it would like, within these.
constexpr size_t kLeastBytes = size_t{512} << 10, kMostLeastBytes = size_t{6} << 20;
constexpr size_t kLeastPieceBytes = size_t{64} << 10;
constexpr size_t kMostPieceBytes = size_t{8} << 20;  // sorted without a poll
// Of it for the rows of a cell: a cell in pieces loses neighbours.
constexpr size_t kLeastCellBytes = size_t{512} << 10, kMostLeastCellBytes = size_t{2} << 20;
constexpr size_t kLeastCached = 512;
constexpr size_t kMostWindows = kMostBuckets / 4;  // of the rows expected: there may be more
constexpr size_t kRowsPerSample = 16;

size_t divided_up(size_t a, size_t b) { return (a + b - 1) / b; }

BuildPlan plan_in_memory(const NodeShape &shape, double rows, size_t budget, size_t near_width, size_t participants) {
  const size_t capacity = BuildLayout::capacity_for(shape, static_cast<size_t>(rows) + 1, budget, near_width);
  const size_t cell_rows = std::max(kLeastCellBytes, budget / 16 / participants) / LeafSearch::kBytesPerRow;
  return {capacity, near_width, false, capacity, 1, 0, 0, 0, cell_rows};
}

BuildPlan plan_with_files(const NodeShape &shape, const BuildDemand &demand, size_t near_width, size_t work) {
  const size_t rows = static_cast<size_t>(demand.rows) + 1, record = BuildLayout::record_bytes_for(shape);
  const size_t wanted = BuildLayout(shape, rows, near_width).bytes();
  const size_t bytes = std::max(std::clamp(wanted / 16, kLeastBytes, kMostLeastBytes),
                                demand.budget > 2 * work ? demand.budget - work : demand.budget / 2);
  const size_t share = bytes / demand.participants;
  BuildPlan plan{};
  plan.near_width = near_width;
  plan.spills = true;
  plan.piece_bytes = std::clamp(share / 16, kLeastPieceBytes, kMostPieceBytes);
  plan.cell_rows =
      std::max(std::clamp(wanted / 64, kLeastCellBytes, kMostLeastCellBytes), share / 8) / LeafSearch::kBytesPerRow;
  size_t left = bytes - bytes / 8;
  if (rows <= left * 3 / 4 / record) {
    plan.record_capacity = rows;
    plan.cached_records = kLeastCached;
    left -= rows * record;
  } else {
    plan.cached_records = std::bit_floor(std::max(kLeastCached, share / 4 / record));
    left -= std::min(left / 2, plan.cached_records * record * demand.participants);
  }
  const size_t each = BuildLayout::window_bytes_each(shape, near_width);
  size_t window = std::max(left / each, divided_up(rows, kMostWindows));
  window = divided_up(std::min(window, rows), shape.slots_per_page) * shape.slots_per_page;
  plan.capacity = window;
  plan.windows = divided_up(rows, window);
  // The sample lies where windows do later.
  plan.sample_rows = std::min(rows / kRowsPerSample + 1, window * each / BuildLayout::sample_bytes_each(shape));
  return plan;
}

}  // namespace

BuildPlan plan_build(const NodeShape &shape, Metric metric, const BuildDemand &demand) {
  const size_t width = BuildLayout::near_width_for(shape, metric, demand.beam);
  if (width == 0) return plan_in_memory(shape, demand.most_rows, demand.budget, 0, demand.participants);
  const size_t work = LeafSearch::bytes(shape.dimensions) * demand.participants;
  if (demand.budget > work) {
    const size_t left = demand.budget - work;
    if (static_cast<double>(BuildLayout::capacity_for(shape, static_cast<size_t>(demand.rows) + 1, left, width)) >
        demand.rows)
      return plan_in_memory(shape, demand.most_rows, left, width, demand.participants);
  }
  return plan_with_files(shape, demand, width, work);
}

size_t bytes_without_files(const NodeShape &shape, Metric metric, const BuildDemand &demand) {
  const size_t width = BuildLayout::near_width_for(shape, metric, demand.beam);
  const size_t work = width == 0 ? 0 : LeafSearch::bytes(shape.dimensions) * demand.participants;
  return BuildLayout(shape, static_cast<size_t>(demand.rows) + 2, width).bytes() + work;
}

}  // namespace quiver::core
