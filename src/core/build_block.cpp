// The layout of the block.
// SPDX-License-Identifier: PostgreSQL
#include "core/build_block.hpp"

#include <algorithm>

#include "core/near_lists.hpp"

namespace quiver::core {

namespace {

constexpr size_t kSlackPercent = 130;  // a list is pruned only when this much too long
constexpr size_t kOverhead = 8 * kLineBytes;
constexpr size_t kLeadersBytes = 2;  // a node, outside the block, while what no entry reaches is connected
// Rows' places, twice, lie where lists do later, and so do the cells of a row: an id and a number each.
constexpr size_t kMinListCapacity =
    std::max<size_t>(6, kCellOverlap *(sizeof(NodeId) + sizeof(uint16_t)) / sizeof(NodeId));
constexpr size_t kLeastNearWidth = 64;

size_t aligned(size_t offset) { return (offset + kLineBytes - 1) / kLineBytes * kLineBytes; }

size_t record_bytes_of(const NodeShape &shape) { return aligned(sizeof(ScalarCode) + shape.unpacked_bytes()); }
size_t list_capacity_of(const NodeShape &shape) {
  return std::max(shape.lanes * kSlackPercent / 100 + 1, kMinListCapacity);
}

size_t near_bytes(size_t width) { return width == 0 ? 0 : NearList::bytes(width); }

}  // namespace

size_t BuildLayout::near_width_for(const NodeShape &shape, Metric metric, size_t beam) {
  const size_t width = std::max<size_t>(kLeastNearWidth, 2 * shape.lanes);
  return shape.has_codes() && edge_metric(metric) == Metric::l2 && beam <= width * 3 / 2 ? width : 0;
}

BuildLayout::BuildLayout(const NodeShape &shape, const BuildPlan &plan)
    : plan_(plan), record_bytes_(record_bytes_of(shape)), list_capacity_(list_capacity_of(shape)) {
  size_t end = aligned(sizeof(BuildHeader));
  const auto place = [&end](size_t count, size_t bytes_each) {
    const size_t offset = end;
    end = aligned(end + count * bytes_each);
    return offset;
  };
  const size_t all = plan.spills ? 0 : plan.capacity;
  records_ = place(plan.record_capacity, record_bytes_);
  rows_ = place(all, sizeof(RowId));
  extra_ = place(all, sizeof(ExtraRow));
  lists_ = place(plan.capacity, list_capacity_ * sizeof(NodeId));
  counts_ = place(plan.capacity, sizeof(uint16_t));
  lasting_ = place(plan.capacity, sizeof(uint8_t));
  locks_ = place(plan.capacity, sizeof(uint8_t));
  near_ = place(plan.capacity, near_bytes(plan.near_width));
  bytes_ = plan.spills ? std::max(end, lists_ + BuildLayout(shape, plan.sample_rows).bytes()) : end;
}

size_t BuildLayout::window_bytes_each(const NodeShape &shape, size_t near_width) {
  return list_capacity_of(shape) * sizeof(NodeId) + sizeof(uint16_t) + 2 * sizeof(uint8_t) + near_bytes(near_width);
}

size_t BuildLayout::sample_bytes_each(const NodeShape &shape) {
  return record_bytes_of(shape) + window_bytes_each(shape, 0) + sizeof(RowId) + sizeof(ExtraRow);
}

size_t BuildLayout::record_bytes_for(const NodeShape &shape) { return record_bytes_of(shape); }

size_t BuildLayout::capacity_for(const NodeShape &shape, size_t wanted, size_t bytes, size_t near_width) {
  const size_t fixed = aligned(sizeof(BuildHeader)) + kOverhead;
  const size_t each = sample_bytes_each(shape) + near_bytes(near_width) + kLeadersBytes;
  const size_t room = bytes > fixed ? (bytes - fixed) / each : 0;
  return std::min({wanted, room, static_cast<size_t>(kNullNode) - 1});
}

}  // namespace quiver::core
